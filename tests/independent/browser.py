"""A headless Chromium, and what it reports about a page."""

import shutil
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}


@contextmanager
def chromium():
    """Yields the browser of the system. That of Playwright comes from a server of its own."""
    path = shutil.which("google-chrome") or shutil.which("chromium")
    assert path, "found no browser; run `make chromium` as root, or install the Debian package chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            # root has no sandbox.
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser, path, viewport=DESKTOP, **settings):
    """Yields a page of a file. Fails if the page requests something else or logs an error."""
    context = browser.new_context(viewport=viewport, **settings)
    page = context.new_page()
    page.set_default_timeout(15_000)
    requests, errors = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(path.as_uri())
    try:
        yield page
        assert requests == [path.as_uri()]
        assert errors == []
    finally:
        context.close()


def boxes(page, selector):
    """Returns the boxes of the visible elements, in the order of the document."""
    return page.eval_on_selector_all(
        selector,
        """elements => elements.filter(element => element.checkVisibility()).map(element => {
            const { left, top, right, bottom } = element.getBoundingClientRect();
            return { left, top, right, bottom, name: element.outerHTML.slice(0, 80) };
        })""",
    )


def overlapping(boxes):
    """Returns the pairs of boxes that share more than a pixel."""
    pairs = [(one, other) for index, one in enumerate(boxes) for other in boxes[index + 1 :]]
    return [
        (one["name"], other["name"])
        for one, other in pairs
        if min(one["right"], other["right"]) - max(one["left"], other["left"]) > 1
        and min(one["bottom"], other["bottom"]) - max(one["top"], other["top"]) > 1
    ]


# Computes the contrast of each text with its ground, as WCAG 2 defines it.
CONTRAST = """() => {
    const channels = color => color.match(/[\\d.]+/g).map(Number);
    const luminance = color => {
        const [red, green, blue] = channels(color).slice(0, 3).map(value => value / 255)
            .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ground = element => {
        for (let at = element; at; at = at.parentElement) {
            const [, , , alpha = 1] = channels(getComputedStyle(at).backgroundColor);
            if (alpha === 1) return getComputedStyle(at).backgroundColor;
        }
        return 'rgb(255, 255, 255)';
    };
    const hasText = element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    return [...document.body.querySelectorAll('*')]
        .filter(element => hasText(element) && element.checkVisibility() && !element.disabled)
        .map(element => {
            const levels = [luminance(getComputedStyle(element).color), luminance(ground(element))];
            const [low, high] = levels.sort((one, other) => one - other);
            return [(high + 0.05) / (low + 0.05), element.outerHTML.slice(0, 80)];
        });
}"""


def contrasts(page):
    return page.evaluate(CONTRAST)
