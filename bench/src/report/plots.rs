//! The plots of the document.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::tables::name;
use crate::contender::Contender;
use crate::results::{EventResult, Part, Results, SweepResult, number};

/// A plot of the document.
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) file: &'static str,
    /// The table that it belongs to.
    table: &'static str,
}

const EVENTS: Plot = Plot {
    title: "Start and events, milliseconds",
    file: "events.svg",
    table: "Start and events",
};

const MEMORY: Plot = Plot {
    title: "Peak memory, MiB",
    file: "memory.svg",
    table: "Start and events",
};

const SWEEP: Plot = Plot {
    title: "Sweep of unchanged secrets, seconds",
    file: "sweep.svg",
    table: "Sweep",
};

/// The plots of a table.
pub(super) fn of(table: &str) -> impl Iterator<Item = Plot> {
    let plots = [EVENTS, MEMORY, SWEEP].into_iter();
    plots.filter(move |plot| plot.table == table)
}

/// Draws what was measured into a directory.
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

/// A bar of a chart. Bars of one colour belong together.
struct Bar {
    label: String,
    value: f64,
    colour: usize,
}

type Figure = fn(&EventResult) -> f64;

fn event_bars(part: &Part<EventResult>) -> Vec<Bar> {
    let figures: [(&str, Figure); 3] = [
        ("cold", |row| row.cold_ms.median),
        ("first event", |row| row.first_ms.median),
        ("warm write", |row| row.write_ms.median),
    ];
    let mut bars = Vec::new();
    for (colour, (figure, value)) in figures.into_iter().enumerate() {
        bars.extend(part.rows.iter().map(|row| Bar {
            label: format!("{figure}: {}", name(row.contender, row.transport)),
            value: value(row),
            colour,
        }));
    }
    bars
}

fn memory_bars(part: &Part<EventResult>) -> Vec<Bar> {
    let bar = |row: &EventResult| Bar {
        label: name(row.contender, row.transport),
        value: row.peak_memory_mib.median,
        colour: 0,
    };
    part.rows.iter().map(bar).collect()
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn area(path: &Path, height: u32) -> anyhow::Result<Area<'_>> {
    let area = SVGBackend::new(path, (860, height)).into_drawing_area();
    area.fill(&WHITE).map_err(failure)?;
    Ok(area)
}

/// plotters' errors borrow what was drawn on.
fn failure(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw: {error}")
}

/// Horizontal bars on a logarithmic axis: the contenders differ by orders of magnitude.
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
    mesh.draw().map_err(failure)?;
    // From the top, as in the table.
    let level = |index: usize| number(bars.len() - index) - 0.5;
    let drawn = bars.iter().enumerate().map(|(index, bar)| {
        let (low, high) = (level(index) - 0.35, level(index) + 0.35);
        let colour = Palette99::pick(bar.colour).filled();
        Rectangle::new([(least, low), (bar.value, high)], colour)
    });
    chart.draw_series(drawn).map_err(failure)?;
    let figures = bars.iter().enumerate().map(|(index, bar)| {
        let place = (bar.value * 1.05, level(index) + 0.25);
        Text::new(format!("{:.3}", bar.value), place, ("sans-serif", 13))
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

/// Time against number on two logarithmic axes: what is linear is a straight line.
fn lines(plot: &Plot, directory: &Path, part: &Part<SweepResult>) -> anyhow::Result<()> {
    let path = directory.join(plot.file);
    let area = area(&path, 380)?;
    let points = |contender: Contender| {
        let rows = part
            .rows
            .iter()
            .filter(move |row| row.contender == contender);
        rows.map(|row| (number(row.secrets), row.unchanged_seconds))
    };
    let all = || part.rows.iter();
    let fewest = all().map(|row| row.secrets).min().context("no sweep")?;
    let most = all().map(|row| row.secrets).max().context("no sweep")?;
    let least = all()
        .map(|row| row.unchanged_seconds)
        .fold(f64::MAX, f64::min);
    let longest = all().map(|row| row.unchanged_seconds).fold(0.0, f64::max);
    let secrets = number(fewest) / 2.0..number(most) * 2.0;
    let seconds = least / 2.0..longest * 2.0;
    let mut chart = ChartBuilder::on(&area)
        .caption(plot.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(60)
        .build_cartesian_2d(secrets.log_scale(), seconds.log_scale())
        .map_err(failure)?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc("secrets").y_desc("seconds");
    mesh.draw().map_err(failure)?;
    for (colour, contender) in Contender::ALL.into_iter().enumerate() {
        let style = Palette99::pick(colour).filled();
        let line = LineSeries::new(points(contender), style);
        chart.draw_series(line).map_err(failure)?;
        let dots = points(contender).map(|point| Circle::new(point, 4, style));
        chart.draw_series(dots).map_err(failure)?;
        let labels = points(contender).map(|(x, y)| {
            let text = format!("{contender}: {x}");
            Text::new(text, (x, y * 1.25), ("sans-serif", 12))
        });
        chart.draw_series(labels).map_err(failure)?;
    }
    area.present().map_err(failure)
}
