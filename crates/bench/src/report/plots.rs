//! The plots of the document.

use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::tables::{name, significant};
use crate::results::{EventResult, Part, Results, SweepKind, SweepResult, number};

/// A plot of the document.
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) file: &'static str,
    /// The title of its section.
    section: &'static str,
}

const EVENTS: Plot = Plot {
    title: "Start and events, milliseconds",
    file: "events.svg",
    section: "Start and events",
};

const MEMORY: Plot = Plot {
    title: "Peak memory, MiB",
    file: "memory.svg",
    section: "Start and events",
};

const SWEEP: Plot = Plot {
    title: "Sweep of unchanged secrets, seconds",
    file: "sweep.svg",
    section: "Sweep",
};

/// Returns the plots of a section.
pub(super) fn of(section: &str) -> impl Iterator<Item = Plot> {
    let plots = [EVENTS, MEMORY, SWEEP].into_iter();
    plots.filter(move |plot| plot.section == section)
}

/// Draws the plots of the measured parts into a directory.
pub(super) fn draw(results: &Results, directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    if let Some(part) = &results.events {
        bars(&EVENTS, directory, &event_bars(part))?;
        bars(&MEMORY, directory, &memory_bars(part))?;
    }
    if let Some(part) = &results.sweep {
        lines(&SWEEP, directory, part)?;
    }
    Ok(())
}

/// A bar of a chart. The bars of one figure have the same color.
struct Bar {
    label: String,
    value: f64,
    color: usize,
}

type Figure = fn(&EventResult) -> f64;

fn event_bars(part: &Part<EventResult>) -> Vec<Bar> {
    let figures: [(&str, Figure); 3] = [
        ("cold", |row| row.cold_ms.median),
        ("first event", |row| row.first_ms.median),
        ("warm write", |row| row.write_ms.median),
    ];
    let mut bars = Vec::new();
    for (color, (figure, value)) in figures.into_iter().enumerate() {
        bars.extend(part.rows.iter().map(|row| Bar {
            label: format!("{figure}: {}", name(row.contender, row.transport)),
            value: value(row),
            color,
        }));
    }
    bars
}

fn memory_bars(part: &Part<EventResult>) -> Vec<Bar> {
    let bar = |row: &EventResult| Bar {
        label: name(row.contender, row.transport),
        value: row.peak_memory_mib.median,
        color: 0,
    };
    part.rows.iter().map(bar).collect()
}

/// Colors that color-blind readers can distinguish.
const COLORS: [RGBColor; 4] = [
    RGBColor(0x44, 0x77, 0xaa),
    RGBColor(0xee, 0x66, 0x77),
    RGBColor(0x22, 0x88, 0x33),
    RGBColor(0xcc, 0xbb, 0x44),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn area(path: &Path, height: u32) -> anyhow::Result<Area<'_>> {
    let area = SVGBackend::new(path, (860, height)).into_drawing_area();
    area.fill(&WHITE).map_err(failure)?;
    Ok(area)
}

/// Converts an error of plotters, which borrows the drawing area.
fn failure(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("failed to draw: {error}")
}

/// Draws horizontal bars on a logarithmic axis: the contenders differ by orders of magnitude.
fn bars(plot: &Plot, directory: &Path, bars: &[Bar]) -> anyhow::Result<()> {
    let path = directory.join(plot.file);
    let height = u32::try_from(bars.len())? * 24 + 90;
    let area = area(&path, height)?;
    let values = || bars.iter().map(|bar| bar.value);
    let least = values().fold(f64::MAX, f64::min) / 2.0;
    let most = values().fold(0.0, f64::max) * 2.5;
    let mut chart = ChartBuilder::on(&area)
        .caption(plot.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(230)
        .build_cartesian_2d((least..most).log_scale(), 0.0..number(bars.len()))
        .map_err(failure)?;
    let mut mesh = chart.configure_mesh();
    mesh.disable_y_mesh().disable_y_axis().x_labels(8);
    mesh.label_style(("sans-serif", 14));
    mesh.draw().map_err(failure)?;
    // The first row of the table is at the top.
    let level = |index: usize| number(bars.len() - index) - 0.5;
    let drawn = bars.iter().enumerate().map(|(index, bar)| {
        let (low, high) = (level(index) - 0.35, level(index) + 0.35);
        let color = COLORS[bar.color].filled();
        Rectangle::new([(least, low), (bar.value, high)], color)
    });
    chart.draw_series(drawn).map_err(failure)?;
    let figures = bars.iter().enumerate().map(|(index, bar)| {
        let place = (bar.value * 1.05, level(index) + 0.25);
        Text::new(significant(bar.value), place, ("sans-serif", 13))
    });
    chart.draw_series(figures).map_err(failure)?;
    for (index, bar) in bars.iter().enumerate() {
        let (_, y) = chart.backend_coord(&(least, level(index)));
        let style = ("sans-serif", 13).into_text_style(&area);
        area.draw_text(&bar.label, &style, (12, y - 7))
            .map_err(failure)?;
    }
    area.present().map_err(failure)
}

/// The sweeps of the plot, which find nothing to do.
const LINES: [SweepKind; 3] = [SweepKind::Quick, SweepKind::Thorough, SweepKind::Loop];

/// Draws time against number on two logarithmic axes, so that linear growth is a straight line.
fn lines(plot: &Plot, directory: &Path, part: &Part<SweepResult>) -> anyhow::Result<()> {
    let path = directory.join(plot.file);
    let area = area(&path, 380)?;
    let points = |kind: SweepKind| {
        let rows = part.rows.iter().filter(move |row| row.kind == kind);
        rows.map(|row| (number(row.secrets), row.run.seconds))
    };
    let all = || LINES.into_iter().flat_map(points);
    let secrets = decades(all().map(|(secrets, _)| secrets));
    let seconds = decades(all().map(|(_, seconds)| seconds));
    let mut chart = ChartBuilder::on(&area)
        .caption(plot.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(80)
        .build_cartesian_2d(secrets.log_scale(), seconds.log_scale())
        .map_err(failure)?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc("secrets").y_desc("seconds");
    // About one label for each power of ten.
    mesh.x_labels(4).y_labels(4).max_light_lines(0);
    mesh.x_label_formatter(&|value| significant(*value));
    mesh.y_label_formatter(&|value| significant(*value));
    mesh.label_style(("sans-serif", 14));
    mesh.draw().map_err(failure)?;
    for (color, kind) in LINES.into_iter().enumerate() {
        let style = COLORS[color].filled();
        let line = LineSeries::new(points(kind), style);
        chart.draw_series(line).map_err(failure)?;
        let dots = points(kind).map(|point| Circle::new(point, 4, style));
        chart.draw_series(dots).map_err(failure)?;
        let labels = points(kind).map(|(x, y)| {
            let text = format!("{kind}: {} s for {x}", significant(y));
            // On the left, where no rising line crosses it.
            let beside = Pos::new(HPos::Right, VPos::Bottom);
            let style = ("sans-serif", 14).into_text_style(&area).pos(beside);
            Text::new(text, (x, y * 1.25), style)
        });
        chart.draw_series(labels).map_err(failure)?;
    }
    area.present().map_err(failure)
}

/// Returns the powers of ten that enclose the values, with space for labels.
fn decades(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) = values.fold((f64::MAX, 0.0), |(least, most): (f64, f64), value| {
        (least.min(value), most.max(value))
    });
    let low = 10f64.powf(least.log10().floor());
    low / 2.0..10f64.powf(most.log10().ceil()) * 2.0
}
