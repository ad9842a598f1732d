"""The page of `--html` in a headless Chromium."""

import json
import re
import subprocess
import time

import pytest
from playwright.sync_api import expect

from browser import DESKTOP, PHONE, boxes, chromium, contrasts, opened, overlapping
from processes import CLI, environment, eventually

HOME, REPLICAS = "us-east-1", ["eu-west-1", "us-west-2"]
POLICY = """
version: 1
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [us-west-2, eu-west-1]
"""
MANY = 50_000
MISSING = ["prod/missing-0", "prod/missing-1", "prod/missing-2"]


@pytest.fixture(scope="module")
def account(start_server, emulator_binary, client):
    """A local AWS with 130 secrets: in sync, missing, refused, not covered, and with their name taken."""
    endpoint = start_server(emulator_binary, "serve", "--port", "{port}")
    home = client("secretsmanager", endpoint, HOME)
    client("secretsmanager", endpoint, REPLICAS[0]).create_secret(Name="prod/taken", SecretString="other")
    covered = {"SecretString": "x", "Tags": [{"Key": "tier", "Value": "1"}]}
    replicas = [{"Region": region} for region in REPLICAS]
    for number in range(120):
        home.create_secret(Name=f"app/{number:03}/database", AddReplicaRegions=replicas, **covered)
    home.create_secret(Name="prod/refused", KmsKeyId="alias/mine", **covered)
    home.create_secret(Name="prod/taken", **covered)
    for number in range(3):
        home.create_secret(Name=f"prod/missing-{number}", **covered)
    for number in range(5):
        home.create_secret(Name=f"sandbox/{number}", SecretString="x")

    def is_replicated():
        [one, other] = home.describe_secret(SecretId="app/119/database")["ReplicationStatus"]
        return one["Status"] == other["Status"] == "InSync"

    eventually(is_replicated, "replicated")
    return endpoint


@pytest.fixture(scope="module")
def write_page(account, tmp_path_factory):
    """Writes the page of a command."""
    directory = tmp_path_factory.mktemp("pages")
    policy = directory / "policy.yaml"
    policy.write_text(POLICY)

    def write(command):
        path = directory / f"{command}.html"
        arguments = [CLI, command, policy, "--region", HOME, "--endpoint-url", account, "--html", path]
        done = subprocess.run(arguments, env=environment(), capture_output=True, text=True, timeout=60)
        assert f"wrote the page to `{path}`" in done.stderr, done.stderr
        return path

    return write


@pytest.fixture(scope="module")
def status_page(write_page):
    return write_page("status")


@pytest.fixture(scope="module")
def plan_page(write_page):
    return write_page("plan")


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, status_page):
    with opened(browser, status_page) as page:
        yield page


DATA = re.compile(r'(<script type="application/json" id="data">)(.*?)(</script>)', re.DOTALL)


def changed(page, name, change):
    """Returns a copy of a page with other data. The policy of the page covers only its script."""
    text = page.read_text()
    data = json.loads(DATA.search(text)[2])
    change(data)
    path = page.with_name(name)
    path.write_text(DATA.sub(lambda found: found[1] + json.dumps(data) + found[3], text))
    return path


@pytest.fixture(scope="module")
def large_page(status_page):
    """The same page with copies of its secrets, and a second home."""
    return changed(status_page, "large.html", enlarge)


def enlarge(data):
    data["homes"].append({**data["homes"][0], "region": "eu-central-1"})
    secrets = data["secrets"]
    data["secrets"] = [
        [number % 2, f"{number:05}/{name}", *rest]
        for number, (_, name, *rest) in ((number, secrets[number % len(secrets)]) for number in range(MANY))
    ]


def names(page):
    return page.eval_on_selector_all("#scroll tbody th", "rows => rows.map(row => row.firstChild.data)")


def result(page):
    return page.text_content("#result")


def expect_rows(page, names):
    """Waits for these rows. A script of the test that waits would violate the policy of the page."""
    expect(page.locator("#scroll tbody th")).to_have_text(names)


def search(page, text):
    page.get_by_label("Search").fill(text)


def select(page, label, option):
    page.get_by_role("combobox", name=label, exact=True).select_option(label=option)


def test_the_first_page_shows_the_gravest_states_first(page):
    assert page.is_hidden("#no-script")
    assert len(names(page)) == 100
    assert names(page)[:5] == ["prod/taken", *MISSING, "prod/refused"]
    assert "Showing 1 to 100 of 130 matching secrets" in result(page)
    page.get_by_role("button", name="Next").click()
    assert len(names(page)) == 30
    assert page.is_disabled("#next")


def test_a_search_finds_names_arns_rules_and_reasons(page):
    for text, expected in [
        ("017/DATA", ["app/017/database"]),
        ("secret:app/003", ["app/003/database"]),
        ("tier-1 prod/missing", MISSING),
        ("weaker-encryption", ["prod/refused"]),
        ("nothing like this", []),
    ]:
        search(page, text)
        expect_rows(page, expected)
    assert "Showing none of 0 matching secrets" in result(page)
    page.get_by_role("button", name="Clear filters").click()
    assert "of 130 matching secrets" in result(page)


def test_filters_by_state_and_region_apply_to_the_same_cell(page):
    shadowed = page.locator("#marks").get_by_role("button", name="shadowed")
    shadowed.click()
    assert shadowed.get_attribute("aria-pressed") == "true"
    assert names(page) == ["prod/taken"]
    select(page, "Region", "us-west-2")
    assert names(page) == []
    page.locator("#marks").get_by_role("button", name="missing").click()
    assert names(page) == ["prod/taken", *MISSING]
    shadowed.click()
    select(page, "Region", "eu-west-1")
    assert names(page) == MISSING


def test_columns_sort_in_both_directions(page):
    head = page.get_by_role("columnheader", name="Secret", exact=True)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert names(page)[:2] == ["app/000/database", "app/001/database"]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert names(page)[:2] == ["sandbox/4", "sandbox/3"]
    select(page, "Sort by", "us-west-2")
    assert names(page)[0] == "prod/missing-0"
    assert page.get_by_role("columnheader", name="us-west-2").get_attribute("aria-sort") == "ascending"


def test_a_cell_opens_by_click_and_by_keyboard(page):
    search(page, "prod/taken")
    expect_rows(page, ["prod/taken"])
    row = page.get_by_role("row", name="prod/taken")
    cell = row.get_by_role("button", name="shadowed")
    assert "name-already-exists" in cell.get_attribute("title")
    cell.click()
    dialog = page.get_by_role("dialog")
    text = dialog.inner_text()
    for expected in ["prod/taken in eu-west-1", "name-already-exists", "Remediation", ":secret:prod/taken-"]:
        assert expected in text
    assert "create, which would fail" in text
    page.keyboard.press("Escape")
    assert dialog.is_hidden()
    row.get_by_role("button", name="missing").click()
    assert re.search(r"Change by the function\s+create$", dialog.inner_text(), re.M)
    page.keyboard.press("Escape")
    cell.focus()
    page.keyboard.press("Enter")
    assert dialog.is_visible()
    dialog.get_by_role("button", name="Close").press("Enter")
    assert dialog.is_hidden()
    outline = cell.evaluate("cell => getComputedStyle(cell).outlineStyle")
    assert outline == "solid"


def test_each_cell_says_its_state_by_text_and_symbol(page):
    cells = page.locator("#scroll tbody td .mark")
    texts = set(cells.all_inner_texts())
    assert {"✓ in sync", "○ missing", "■ shadowed", "! refused"} <= texts


def test_a_replica_that_was_not_verified_and_a_tag_that_is_not_a_region_say_so(browser, status_page):
    def change(data):
        [in_sync] = [cell for cell in data["cells"] if data["marks"][cell["mark"]]["label"] == "in sync"]
        in_sync["verified"] = False
        [refused] = [cell for cell in data["cells"] if cell.get("reason") == "weaker-encryption"]
        data["cells"].append({**refused, "token": "<b>us-west2</b>"})
        data["secrets"][0][4].append([None, len(data["cells"]) - 1])

    with opened(browser, changed(status_page, "changed.html", change)) as page:
        texts = set(page.locator("#scroll tbody td .mark").all_inner_texts())
        assert {"✓ in sync, not verified", "! refused (<b>us-west2</b>)"} <= texts
        page.locator("#marks").get_by_role("button", name="in sync").click()
        page.locator("#scroll tbody").get_by_role("button", name="in sync").first.click()
        assert re.search(r"Verified\s+no", page.get_by_role("dialog").inner_text())


def test_a_plan_shows_changes_and_cost(browser, plan_page):
    with opened(browser, plan_page) as page:
        assert "prod/taken" in names(page)
        assert "sandbox/0" not in page.content()
        page.locator("#marks").get_by_role("button", name="create").click()
        assert names(page) == ["prod/taken", *MISSING]
        cost = page.get_by_role("table", name="USD per month").inner_text()
        # 240 replicas, and seven more: that of the taken name would fail.
        assert re.search(r"Difference\s+\+2.80", cost), cost


def test_fifty_thousand_rows_stay_usable(browser, large_page):
    started = time.monotonic()
    with opened(browser, large_page) as page:
        assert len(names(page)) == 100
        assert time.monotonic() - started < 10
        started = time.monotonic()
        search(page, "04321/")
        expect(page.locator("#scroll tbody tr")).to_have_count(1)
        assert time.monotonic() - started < 5
        search(page, "")
        expect(page.locator("#scroll tbody tr")).to_have_count(100)
        started = time.monotonic()
        select(page, "Sort by", "Secret")
        select(page, "Account and primary Region", "123456789012 · eu-central-1")
        assert names(page)[0].startswith("00001/")
        assert time.monotonic() - started < 5
        assert "of 25,000 matching secrets (50,000 in the report)" in result(page)
        assert page.evaluate("document.getElementsByTagName('*').length") < 2000


def test_the_page_fits_a_phone(browser, status_page, plan_page):
    for path in [status_page, plan_page]:
        with opened(browser, path, PHONE, has_touch=True, is_mobile=True) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
            assert page.evaluate("document.body.scrollWidth") <= PHONE["width"]
            page.get_by_role("row", name="prod/taken").get_by_role("button").first.tap()
            assert page.get_by_role("dialog").evaluate("dialog => dialog.scrollTop") == 0
            box = page.get_by_role("dialog").bounding_box()
            assert 0 <= box["x"] and box["x"] + box["width"] <= PHONE["width"]


def columns(page, selector):
    """Returns the left and right edges of the cells of a row."""
    return [(round(box["left"]), round(box["right"])) for box in boxes(page, selector)]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overlaps_and_all_text_is_legible(browser, status_page, tmp_path, viewport, scheme):
    with opened(browser, status_page, viewport, color_scheme=scheme) as page:
        search(page, "prod/")
        expect(page.locator("#scroll tbody tr")).to_have_count(5)
        image = page.screenshot(full_page=True, path=tmp_path / "page.png")
        assert len(image) > 10_000
        for selector in [
            "body > *",
            "main > section",
            "main > section > *, #list > *",
            ".facts > div",
            ".tiles > li",
            ".filters > *",
            "#marks > *",
            ".problems > li",
            "#scroll tbody tr",
            "#scroll tbody tr:nth-child(2) > *",
        ]:
            found = boxes(page, selector)
            # #list is inside of its section.
            found = [box for box in found if 'id="list"' not in box["name"]]
            assert found and overlapping(found) == [], selector
        if viewport == DESKTOP:
            assert columns(page, "#scroll thead tr > *") == columns(page, "#scroll tbody tr:nth-child(2) > *")
        low = [(ratio, text) for ratio, text in contrasts(page) if ratio < 4.5]
        assert low == []
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


def test_print_has_all_rows_and_no_controls(browser, status_page):
    with opened(browser, status_page, color_scheme="dark") as page:
        page.emulate_media(media="print", color_scheme="dark")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert len(names(page)) == 130
        assert page.is_hidden(".filters") and page.is_hidden(".pages")
        assert page.locator("details[open]").count() == 1
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert len(names(page)) == 100
        assert page.locator("details[open]").count() == 0
        assert page.pdf(format="A4").startswith(b"%PDF")


def test_without_scripts_the_totals_remain(browser, status_page):
    with opened(browser, status_page, java_script_enabled=False) as page:
        assert page.is_visible("text=This list of 130 secrets needs JavaScript")
        assert page.is_hidden("#list")
        totals = page.get_by_role("table").first.inner_text()
        assert re.search(r"in sync\s+240", totals), totals


def test_the_policy_of_the_page_stops_other_scripts(browser, status_page, tmp_path):
    text = status_page.read_text()
    injected = "<script>document.title = 'injected'</script><img src=https://example.com/x.png>"
    path = tmp_path / "injected.html"
    path.write_text(text.replace("</main>", f"{injected}</main>"))
    context = browser.new_context()
    page = context.new_page()
    refused, requests = [], []
    page.on("console", lambda message: refused.append(message.text))
    page.on("requestfinished", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    assert page.title() != "injected"
    assert requests == [path.as_uri()]
    assert any("script-src" in text for text in refused) and any("img-src" in text or "default-src" in text for text in refused)
    context.close()
