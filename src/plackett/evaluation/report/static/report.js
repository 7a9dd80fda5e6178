"use strict";

// All text goes into the page as text, never as HTML.
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

async function unpack(script) {
  const bytes = Uint8Array.from(atob(script.textContent.trim()), (x) => x.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

async function drawChart(plot, spec) {
  await vegaEmbed(plot, spec, {
    actions: false,
    ast: true, // without eval, which the policy of the page forbids
    defaultStyle: false,
    renderer: "svg",
    tooltip: { disableDefaultStyle: true },
  });
  // The chart has a label; what is inside would be read mark by mark.
  plot.querySelector("svg").setAttribute("aria-hidden", "true");
}

async function drawCharts() {
  for (const figure of document.querySelectorAll("figure.chart")) {
    const plot = figure.querySelector(".plot");
    try {
      await drawChart(plot, JSON.parse(figure.querySelector("script.spec").textContent));
    } catch (error) {
      console.error(error);
      plot.replaceChildren(make("p", { class: "note" }, `This chart could not be drawn: ${error.message}. Its numbers are below.`));
    }
  }
  document.documentElement.dataset.charts = "drawn";
}

const PAGE = 15;
const DASH = "\u2013";

function decimals(value, sign) {
  if (value === null || value === undefined) return DASH;
  const text = Math.abs(value).toFixed(4);
  if (Number(text) === 0) return "0.0000";
  return (value < 0 ? "\u2212" : sign ? "+" : "") + text;
}

// Our own facts of a query; all others are columns of the data.
const FACTS = new Map([["list_size", "documents"], ["relevant", "relevant"]]);

// Years and codes are not grouped as counts are.
function factText(name, value) {
  if (value === null) return DASH;
  return FACTS.has(name) ? value.toLocaleString("en") : String(value);
}

class Browser {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.place = new Map(data.lists.map((query, place) => [query, place]));
    this.form = root.querySelector("form");
    this.panel = root.querySelector(".list");
    this.start = 0;
    this.texts = data.facts.filter(([, column]) => column.some((x) => typeof x === "string"));
    this.haystack = data.queries.map((id, query) =>
      [id, ...this.texts.map(([, column]) => column[query])].join("\n").toLowerCase(),
    );
    this.lines = {};
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", (event) => this.choose(event.target));
    this.chosen = [this.left(), this.right()];
    root.querySelector("[name=previous]").addEventListener("click", () => this.turn(-PAGE));
    root.querySelector("[name=next]").addEventListener("click", () => this.turn(PAGE));
    const less = data.less[this.metric()];
    this.sort = this.right() === null
      ? { key: "left", down: less }
      : { key: "difference", down: less };
    this.update();
    const first = this.rows.find((query) => this.place.has(query));
    if (first !== undefined) this.show(first, false);
  }

  // Two systems stand side by side: to choose on one side what the other has changes the sides.
  choose(control) {
    const { left, right } = this.form.elements;
    if (right && left.value === right.value) {
      if (control === left) right.value = this.chosen[0];
      else left.value = this.chosen[1];
    }
    this.chosen = [this.left(), this.right()];
    this.update();
  }

  metric() { return Number(this.form.elements.metric.value); }
  left() { return this.form.elements.left ? Number(this.form.elements.left.value) : 0; }
  right() { return this.form.elements.right ? Number(this.form.elements.right.value) : null; }

  value(system, query) { return this.data.values[system][this.metric()][query]; }

  columns() {
    const { data } = this;
    const fact = ([name, column]) => ({
      key: `fact ${name}`,
      name: FACTS.get(name) ?? name,
      of: (query) => column[query],
      text: (x) => factText(name, x),
      number: column.some((x) => typeof x === "number"),
    });
    const value = (key, system) => ({
      key, name: data.systems[system], of: (query) => this.value(system, query), text: (x) => decimals(x), number: true,
    });
    const columns = [{ key: "query", name: "query", of: (query) => data.queries[query], text: String, number: false }];
    columns.push(value("left", this.left()));
    if (this.right() !== null) {
      columns.push(value("right", this.right()));
      columns.push({
        key: "difference", name: "right less left", number: true, text: (x) => decimals(x, true),
        of: (query) => {
          const [left, right] = [this.value(this.left(), query), this.value(this.right(), query)];
          return left === null || right === null ? null : right - left;
        },
      });
    }
    return [...columns, ...data.facts.map(fact)];
  }

  update() {
    const words = this.form.elements.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const listed = this.form.elements.listed && this.form.elements.listed.checked;
    this.rows = this.data.queries.map((_, query) => query).filter((query) =>
      words.every((word) => this.haystack[query].includes(word)) && (!listed || this.place.has(query)));
    const column = this.columns().find((x) => x.key === this.sort.key) || this.columns()[0];
    const sign = this.sort.down ? -1 : 1;
    this.rows.sort((a, b) => {
      const [x, y] = [column.of(a), column.of(b)];
      if (x === null || y === null) return (x === null) - (y === null) || a - b; // what is missing stands last
      const order = typeof x === "string"
        ? String(x).localeCompare(String(y), "en", { numeric: true })
        : x - y;
      return sign * order || a - b;
    });
    this.start = 0;
    this.drawTable();
    this.panel.hidden = this.shown === undefined || !this.rows.length; // what was found before is no answer
    if (!this.panel.hidden) this.drawList();
  }

  turn(by) {
    if (this.start + by < 0 || this.start + by >= this.rows.length) return;
    this.start += by;
    this.drawTable();
  }

  sortBy(column) {
    const same = this.sort.key === column.key;
    this.sort = { key: column.key, down: same ? !this.sort.down : column.number };
    this.update();
    this.root.querySelector(`th[aria-sort] button`).focus();
  }

  drawTable() {
    const columns = this.columns();
    const heading = (column) => {
      const active = column.key === this.sort.key;
      const arrow = active ? (this.sort.down ? " \u2193" : " \u2191") : "";
      return make(
        "th",
        {
          scope: "col",
          class: column.number ? "number" : null,
          "aria-sort": active ? (this.sort.down ? "descending" : "ascending") : null,
        },
        make("button", { type: "button", onclick: () => this.sortBy(column) }, make("bdi", {}, column.name), make("span", { "aria-hidden": "true" }, arrow)),
      );
    };
    this.root.querySelector("table.queries thead").replaceChildren(make("tr", {}, ...columns.map(heading)));
    const rows = this.rows.slice(this.start, this.start + PAGE).map((query) => this.row(query, columns));
    this.root.querySelector("table.queries tbody").replaceChildren(...rows);
    const end = Math.min(this.start + PAGE, this.rows.length);
    const total = this.rows.length.toLocaleString("en");
    this.root.querySelector(".range").textContent = end ? `${this.start + 1} to ${end} of ${total} queries` : "no such query";
    // A button that is disabled in fact loses the focus.
    this.root.querySelector("[name=previous]").setAttribute("aria-disabled", this.start === 0);
    this.root.querySelector("[name=next]").setAttribute("aria-disabled", end === this.rows.length);
  }

  row(query, columns) {
    const cells = columns.map((column, place) => {
      const text = column.text(column.of(query));
      if (place === 0) {
        const id = make("bdi", { class: "id", title: text }, text);
        const inside = this.place.has(query)
          ? make("button", { type: "button", class: "link", onclick: () => this.show(query, true) }, id)
          : id;
        return make("th", { scope: "row" }, inside);
      }
      return make("td", { class: column.number ? "number" : null }, make("bdi", {}, text));
    });
    return make("tr", { class: query === this.shown ? "chosen" : null }, ...cells);
  }

  async line(name, place) {
    this.lines[name] ||= unpack(this.root.querySelector(`script[data-blob=${name}]`)).then((text) => text.split("\n"));
    return JSON.parse((await this.lines[name])[place]);
  }

  async show(query, focus) {
    this.shown = query;
    await this.drawList();
    this.drawTable();
    if (focus) this.panel.querySelector("h3").focus();
  }

  async drawList() {
    const query = this.shown;
    const place = this.place.get(query);
    const [documents, labels, scores, ranks, total] = await this.line("documents", place);
    const list = { documents, labels, scores, ranks: ranks[this.data.ties[this.metric()]], total, place };
    if (query !== this.shown) return; // another was chosen meanwhile
    this.panel.hidden = !this.rows.length;
    this.panel.querySelector("h3").replaceChildren("Query ", make("bdi", {}, this.data.queries[query]));
    this.panel.querySelector("dl").replaceChildren(
      ...this.data.facts.map(([name, column]) => make(
        "div", {}, make("dt", {}, make("bdi", {}, FACTS.get(name) ?? name)), make("dd", {}, make("bdi", {}, factText(name, column[query]))),
      )),
    );
    this.panel.querySelector(".order").textContent = this.data.orders[this.metric()];
    const sides = this.right() === null ? [[this.left(), null]] : [[this.left(), this.right()], [this.right(), this.left()]];
    this.panel.querySelector(".sides").replaceChildren(...sides.map(([system, other]) => this.side(list, system, other, query)));
  }

  side(list, system, other, query) {
    const ranks = list.ranks[system];
    const first = ranks.map((rank) => (rank === null ? Infinity : Array.isArray(rank) ? rank[0] : rank));
    const order = list.documents.map((_, i) => i).sort((a, b) => (first[a] === first[b] ? a - b : first[a] - first[b]));
    const score = (x) => (x === null ? DASH : x.replaceAll("-", "\u2212"));
    const name = this.data.systems[system];
    const metric = `${this.data.metrics[this.metric()]} ${decimals(this.value(system, query))}`;
    const head = ["rank", "label", "document", "score"];
    if (other !== null) head.push("other rank");
    const rows = order.map((i) => {
      const cells = [
        make("td", { class: "number" }, this.rank(ranks[i])),
        make("td", {}, this.label(list.labels[i])),
        make("th", { scope: "row" }, this.document(list, i)),
        make("td", { class: "number" }, score(list.scores[system][i])),
      ];
      if (other !== null) cells.push(make("td", { class: "number" }, this.rank(list.ranks[other][i])));
      return make("tr", {}, ...cells);
    });
    const more = list.total > list.documents.length ? `, ${list.documents.length} of ${list.total} documents` : "";
    return make(
      "div",
      { class: "scroll", tabindex: "0", role: "group", "aria-label": `The list under ${name}` },
      make(
        "table",
        {},
        make("caption", {}, make("span", {}, make("strong", {}, make("bdi", {}, name)), ` \u2013 ${metric}${more}`)),
        make("thead", {}, make("tr", {}, ...head.map((x) => make("th", { scope: "col", class: x === "document" || x === "label" ? null : "number" }, x)))),
        make("tbody", {}, ...rows),
      ),
    );
  }

  rank(rank) {
    if (rank === null) return "not retrieved";
    return Array.isArray(rank) ? rank.join("\u2013") : String(rank); // those of equal score share their ranks
  }

  label(label) {
    if (label === null) return make("span", { class: "label none" }, "not judged");
    const level = label <= 0 ? 0 : Math.max(1, Math.ceil((4 * label) / (this.data.highest || 1)));
    return make("span", { class: `label level-${level}` }, String(label));
  }

  document(list, i) {
    const id = list.documents[i];
    const name = make("bdi", { class: "id", title: id }, id);
    if (list.place >= this.data.features || !this.data.names.length) return name;
    const details = make("details", {}, make("summary", {}, name));
    details.addEventListener("toggle", async () => {
      if (!details.open || details.querySelector("dl")) return;
      const values = (await this.line("features", list.place))[i];
      const entries = values.map((value, place) => make(
        "div", {}, make("dt", {}, make("bdi", {}, this.data.names[place])), make("dd", {}, make("bdi", {}, value === null ? DASH : String(value))),
      ));
      details.append(entries.length
        ? make("dl", { class: "features", tabindex: "0", "aria-label": `Features of ${id}` }, ...entries)
        : make("p", {}, "The data lacks this document."));
    });
    return details;
  }
}

async function openBrowsers() {
  for (const root of document.querySelectorAll(".browser")) {
    const table = JSON.parse(await unpack(root.querySelector("script[data-blob=queries]")));
    const data = { ...table, ...JSON.parse(root.querySelector("script.shown").textContent) };
    new Browser(root, data);
  }
  document.documentElement.dataset.browser = "open";
}

drawCharts();
openBrowsers();
