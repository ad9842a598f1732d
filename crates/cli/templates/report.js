// Shows the secrets of the report: filters, sorts and pages them. The JSON is made by `src/html/matrix.rs`.
"use strict";
(() => {
  // The rows of a page. The browser lays out only these.
  const PAGE = 100;
  // The rows that are printed.
  const PRINTED = 2000;
  const WHOLE = "Secret as a whole";

  const element = (id) => document.getElementById(id);
  const data = JSON.parse(element("data").textContent);
  const rows = data.secrets.map(([home, name, suffix, rules, cells], index) => ({
    index, name, cells,
    home: data.homes[home], homeIndex: home,
    arn: suffix.startsWith("arn:") ? suffix : data.homes[home].arn + name + suffix,
    rules: data.rules[rules],
    worst: Math.min(data.marks.length, ...cells.map(([, cell]) => data.cells[cell].mark)),
  }));
  const columns = data.regions.map((name, index) => ({ name, region: index }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  if (rows.some((row) => row.cells.some(([region]) => region === null))) {
    columns.push({ name: WHOLE, region: null });
  }
  const hasHomes = data.homes.length > 1;
  const view = { query: "", region: "", home: "", marks: new Set(), sort: "state", descending: false, page: 0 };
  let shown = rows;

  // Creates an element with a text.
  function create(tag, text, attributes = {}) {
    const made = document.createElement(tag);
    made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }

  // Creates an element with a text in which backticks mark code.
  function explained(tag, text) {
    const made = create(tag, "");
    made.append(...text.split("`").map((part, index) => (index % 2 ? create("code", part) : part)));
    return made;
  }

  const number = (value) => value.toLocaleString("en-US");
  const homeName = (home) => `${home.account} · ${home.region}`;
  const label = (cell) => data.marks[cell.mark].label
    + (data.marks[cell.mark].tone === "good" && !cell.verified ? ", not verified" : "");

  // Returns the text that the search compares.
  function text(row) {
    if (row.text === undefined) {
      const words = row.cells.map(([, cell]) => {
        const { mark, reason = "", token = "" } = data.cells[cell];
        return `${data.marks[mark].label} ${reason} ${token}`;
      });
      row.text = [row.arn, ...row.rules, ...words].join(" ").toLowerCase();
    }
    return row.text;
  }

  function matches(row) {
    if (view.home !== "" && row.homeIndex !== Number(view.home)) return false;
    if (view.region !== "" || view.marks.size > 0) {
      const region = view.region === "whole" ? null : Number(view.region);
      const has = row.cells.some(([at, cell]) => (view.region === "" || at === region)
        && (view.marks.size === 0 || view.marks.has(data.cells[cell].mark)));
      if (!has) return false;
    }
    return view.query.split(/\s+/).every((word) => text(row).includes(word));
  }

  // Returns what rows are sorted by.
  function sortKey(row) {
    if (view.sort === "state") return row.worst;
    if (view.sort === "name") return row.name;
    if (view.sort === "home") return 0;
    const region = view.sort === "whole" ? null : Number(view.sort);
    const marks = row.cells.filter(([at]) => at === region).map(([, cell]) => data.cells[cell].mark);
    return Math.min(data.marks.length, ...marks);
  }

  function update() {
    const sign = view.descending ? -1 : 1;
    const keyed = rows.filter(matches).map((row) => [sortKey(row), row]);
    keyed.sort(([one, first], [other, second]) => {
      const order = one < other ? -1 : one > other ? 1 : first.index - second.index;
      return order * sign;
    });
    shown = keyed.map(([, row]) => row);
    view.page = 0;
    showHead();
    showPage();
  }

  function cellButton(row, region, cell) {
    const content = data.cells[cell];
    const mark = data.marks[content.mark];
    const made = create("button", "", {
      type: "button", class: `mark ${mark.tone}`, "aria-haspopup": "dialog",
      title: [mark.meaning, content.reason].filter(Boolean).join(": "),
    });
    made.append(create("span", mark.symbol, { "aria-hidden": "true" }), ` ${label(content)}`);
    if (content.token) made.append(` (${content.token})`);
    made.addEventListener("click", () => showDetails(row, region, content));
    return made;
  }

  function showRow(row) {
    const made = create("tr", "", { role: "row" });
    const head = create("th", row.name, { scope: "row", role: "rowheader" });
    if (hasHomes) head.append(create("small", homeName(row.home)));
    made.append(head);
    for (const { name, region } of columns) {
      const buttons = row.cells.filter(([at]) => at === region).map(([, cell]) => cellButton(row, name, cell));
      const cell = create("td", buttons.length ? "" : "·", { role: "cell", "data-region": name });
      if (!buttons.length) cell.className = "none";
      cell.append(...buttons);
      made.append(cell);
    }
    return made;
  }

  function showPage(size = PAGE) {
    const first = view.page * size;
    const part = shown.slice(first, first + size);
    document.querySelector("#scroll tbody").replaceChildren(...part.map(showRow));
    const pages = Math.max(1, Math.ceil(shown.length / size));
    const range = part.length ? `${number(first + 1)} to ${number(first + part.length)}` : "none";
    element("result").textContent = `Showing ${range} of ${number(shown.length)} matching secrets`
      + ` (${number(rows.length)} in the report).`;
    element("page").textContent = `Page ${number(view.page + 1)} of ${number(pages)}`;
    element("previous").disabled = view.page === 0;
    element("next").disabled = view.page + 1 >= pages;
  }

  function turn(pages) {
    view.page += pages;
    showPage();
    element("scroll").scrollTop = 0;
    element("result").scrollIntoView({ block: "nearest" });
  }

  const sorts = [
    ["state", "Gravest state"], ["name", "Secret"],
    ...(hasHomes ? [["home", "Account and primary Region"]] : []),
    ...columns.map(({ name, region }) => [region === null ? "whole" : String(region), name]),
  ];

  function sortBy(key) {
    view.descending = view.sort === key && !view.descending;
    view.sort = key;
    element("sort").value = key;
    update();
  }

  function showHead() {
    const row = create("tr", "", { role: "row" });
    const heads = sorts.filter(([key]) => key !== "state" && key !== "home");
    for (const [key, name] of heads) {
      const head = create("th", "", { scope: "col", role: "columnheader" });
      if (view.sort === key) head.setAttribute("aria-sort", view.descending ? "descending" : "ascending");
      const button = create("button", name, { type: "button", class: "sort", "data-sort": key });
      head.append(button);
      row.append(head);
    }
    const focused = document.activeElement?.dataset?.sort;
    document.querySelector("#scroll thead").replaceChildren(row);
    if (focused) row.querySelector(`[data-sort="${focused}"]`)?.focus();
  }

  function showDetails(row, region, cell) {
    const state = data.marks[cell.state];
    const facts = [
      ["State", `${state.symbol} ${state.label}: ${state.meaning}`],
      ["Verified", state.tone === "good" && (cell.verified ? "yes, by the version in the Region" : "no")],
      ["Change by the function", cell.blocked ? `${cell.change}, which would fail` : cell.change],
      ["Reason", cell.reason], ["Detail", cell.detail], ["Remediation", cell.remediation],
      ["Tag value", cell.token], ["KMS key", cell.key],
      ["Rules", row.rules.join(", ") || "none"],
      ["Account", row.home.account], ["Primary Region", row.home.region], ["ARN", row.arn],
    ];
    element("details-title").textContent = region === WHOLE ? row.name : `${row.name} in ${region}`;
    const list = facts.filter(([, value]) => value).flatMap(([name, value]) => [create("dt", name), explained("dd", value)]);
    document.querySelector("#details dl").replaceChildren(...list);
    element("details").showModal();
  }

  function fill(id, options) {
    element(id).replaceChildren(...options.map(([value, name]) => create("option", name, { value })));
    element(id).addEventListener("change", (event) => {
      view[id] = event.target.value;
      view.descending = false;
      update();
    });
  }

  function fillMarks() {
    const counts = new Map();
    for (const row of rows) {
      for (const [, cell] of row.cells) {
        const { mark } = data.cells[cell];
        counts.set(mark, (counts.get(mark) ?? 0) + 1);
      }
    }
    data.marks.forEach((mark, index) => {
      if (!counts.has(index)) return;
      const made = create("button", "", {
        type: "button", class: `mark ${mark.tone}`, "aria-pressed": "false", title: mark.meaning,
      });
      made.append(create("span", mark.symbol, { "aria-hidden": "true" }), ` ${mark.label} ${number(counts.get(index))}`);
      made.addEventListener("click", () => {
        const pressed = !view.marks.delete(index);
        if (pressed) view.marks.add(index);
        made.setAttribute("aria-pressed", String(pressed));
        update();
      });
      element("marks").append(made);
    });
  }

  function clear() {
    Object.assign(view, { query: "", region: "", home: "" });
    view.marks.clear();
    for (const id of ["search", "region", "home"]) element(id).value = "";
    for (const button of element("marks").children) button.setAttribute("aria-pressed", "false");
    update();
  }

  let waiting;
  element("search").addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      view.query = event.target.value.trim().toLowerCase();
      update();
    }, 120);
  });
  fill("region", [["", "All"], ...columns.map(({ name, region }) => [region ?? "whole", name])]);
  fill("home", [["", "All"], ...data.homes.map((home, index) => [index, homeName(home)])]);
  fill("sort", sorts);
  fillMarks();
  element("home-label").hidden = !hasHomes;
  element("clear").addEventListener("click", clear);
  element("previous").addEventListener("click", () => turn(-1));
  element("next").addEventListener("click", () => turn(1));
  document.querySelector("#scroll thead").addEventListener("click", (event) => {
    const key = event.target.dataset.sort;
    if (key) sortBy(key);
  });
  element("close").addEventListener("click", () => element("details").close());
  element("details").addEventListener("click", (event) => {
    if (event.target === element("details")) element("details").close();
  });

  // Paper has neither pages of rows nor closed parts.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((part) => { part.open = true; });
    view.page = 0;
    showPage(PRINTED);
  });
  addEventListener("afterprint", () => {
    opened.forEach((part) => { part.open = false; });
    showPage();
  });

  element("no-script").hidden = true;
  element("list").hidden = false;
  update();
})();
