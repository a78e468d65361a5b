"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byName = new Map(data.losses.map(loss => [loss.name, loss]));
  const byId = id => document.getElementById(id);
  const COLOURS = 7, DASHES = ["", "9 4", "2 3", "12 4 2 4"];
  const HEAT = ["#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725"]
    .map(c => [1, 3, 5].map(i => parseInt(c.slice(i, i + 2), 16)));  // viridis
  let chosen = [];  // names, in the order in which they were ticked
  const styles = new Map();  // name -> its number, which gives colour and dash
  const turned = new Map(data.losses.map(loss => [loss.name, loss.knobs.map(knob => knob.values[knob.start])]));
  const fetched = new Map();  // what the server computed, by its address
  const latest = new Map();  // and the last of each, shown until the next is there

  // ---- small helpers -------------------------------------------------------------------------

  const SVG = "http://www.w3.org/2000/svg";
  function element(tag, attributes = {}, ...children) {
    const found = attributes.svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "svg") continue;
      if (name.startsWith("on")) found.addEventListener(name.slice(2), value);
      else if (value === true) found.setAttribute(name, "");
      else if (value !== false && value !== null) found.setAttribute(name, value);
    }
    found.append(...children);
    return found;
  }
  const drawn = (tag, attributes, ...children) => element(tag, {...attributes, svg: true}, ...children);
  function html(tag, inside, attributes = {}) {  // `inside` was escaped when the page was made
    const found = element(tag, attributes);
    found.innerHTML = inside;
    return found;
  }
  const short = value => {
    if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "undefined";
    const size = Math.abs(value);
    const said = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
    return said.replace("-", "−");
  };
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const colour = name => `var(--c${styles.get(name) % COLOURS})`;
  const dash = name => DASHES[Math.floor(styles.get(name) / COLOURS) % DASHES.length];
  const swatch = name => drawn("svg", {width: 26, height: 10, "aria-hidden": "true"},
    drawn("line", {x1: 0, x2: 26, y1: 5, y2: 5, "stroke-width": 3, style: `stroke:${colour(name)}`, "stroke-dasharray": dash(name)}));
  function ticks(low, high, about) {
    const raw = (high - low) / about, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].find(s => s * power >= raw) * power;
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push(Number((i * step).toPrecision(8)));
    return found;
  }

  // ---- what was computed ---------------------------------------------------------------------

  function places(loss) {  // the number of each slider's value
    return loss.knobs.map((knob, i) => {
      const value = turned.get(loss.name)[i];
      return knob.values.reduce((best, v, at) => Math.abs(v - value) < Math.abs(knob.values[best] - value) ? at : best, 0);
    });
  }
  function address(loss, kind) {
    const query = new URLSearchParams({loss: loss.name, kind});
    loss.knobs.forEach((knob, i) => query.set(knob.name, turned.get(loss.name)[i]));
    return `grid?${query}`;
  }
  const isTabled = loss => loss.knobs.every((knob, i) => knob.values.includes(turned.get(loss.name)[i]));
  function curveOf(loss) {
    const about = loss.curve, points = about.points;
    const live = data.live && !isTabled(loss) ? computed(loss, "curve") : undefined;
    let numbers, at = 0;
    if (live) numbers = new Float32Array(bytes(live.grid).buffer);
    else {
      about.numbers ??= new Float32Array(bytes(about.grids).buffer);
      numbers = about.numbers;
      places(loss).forEach((place, i) => { at = at * loss.knobs[i].values.length + place; });
      at *= 2 * points;
    }
    return {value: numbers.subarray(at, at + points), slope: about.slope ? numbers.subarray(at + points, at + 2 * points) : null};
  }
  function surfaceOf(loss) {
    const about = loss.surface;
    if (data.live && !isTabled(loss)) {
      const live = computed(loss, "surface");
      if (live) return {grid: live.grid, at: live.at};
    }
    let at = 0;
    const shown = [];
    places(loss).forEach((place, i) => {
      const some = about.which[i];
      let best = 0;
      some.forEach((value, j) => { if (Math.abs(value - place) < Math.abs(some[best] - place)) best = j; });
      at = at * some.length + best;
      shown.push(loss.knobs[i].values[some[best]]);
    });
    return {grid: about.grids[at], at: shown};
  }
  function computed(loss, kind) {  // by the server; what is not there yet is asked for
    const found = fetched.get(address(loss, kind));
    if (!found) ask(loss, kind);
    return found ?? latest.get(`${kind} ${loss.name}`);
  }
  let asking = null;
  function ask(loss, kind) {  // one question at a time; the next is what the sliders say by then
    if (asking) return;
    const where = address(loss, kind), at = [...turned.get(loss.name)];
    const keep = found => {
      if (fetched.size > 200) fetched.clear();
      fetched.set(where, found);
      latest.set(`${kind} ${loss.name}`, found);
    };
    asking = fetch(where).then(async answer => {
      const found = await answer.json();
      if (!answer.ok) throw Error(found.error);
      keep({...found, at});
      byId("problem").textContent = "";
    }).catch(error => {
      keep({grid: kind === "curve" ? "" : null, at});
      byId("problem").textContent = error.message;
    }).finally(() => { asking = null; draw(false); });
  }

  // ---- curves --------------------------------------------------------------------------------

  const cursors = new Map();  // axis -> the point that is read
  function drawCurves() {
    const groups = new Map();
    for (const name of chosen) {
      const loss = byName.get(name);
      if (!loss.curve) continue;
      if (!groups.has(loss.curve.axis)) groups.set(loss.curve.axis, []);
      groups.get(loss.curve.axis).push(loss);
    }
    const focused = document.activeElement?.dataset?.chart;
    byId("curves").replaceChildren(...[...groups].map(([axis, losses]) => curveSection(axis, losses)));
    if (focused) document.querySelector(`[data-chart="${CSS.escape(focused)}"]`)?.focus({preventScroll: true});
  }
  function curveSection(axis, losses) {
    const found = losses.map(loss => ({loss, ...curveOf(loss)}));
    const reading = element("p", {class: "reading", role: "status"});
    const section = element("section", {},
      element("h2", {}, `Against: ${axis}`),
      element("ul", {class: "legend"}, ...losses.map(loss => element("li", {}, swatch(loss.name), loss.name))));
    const pair = element("div", {class: "pair"});
    const charts = [chart("value", axis, found, c => c.value)];
    if (found.some(c => c.slope)) charts.push(chart("gradient", axis, found, c => c.slope));
    const move = at => {
      cursors.set(axis, at);
      charts.forEach(c => c.move(at));
      const about = losses[0].curve, x = about.from + (about.to - about.from) * at / (about.points - 1);
      reading.replaceChildren(`at ${short(x)}: `, ...found.flatMap(c => [
        element("b", {}, c.loss.name), ` ${short(c.value[at])}` + (c.slope ? `, gradient ${short(c.slope[at])};  ` : ";  ")]));
    };
    charts.forEach(c => { c.onmove = move; pair.append(c.figure); });
    section.append(pair, reading);
    if (cursors.has(axis)) move(cursors.get(axis));
    else reading.textContent = "Point at a chart, or focus it and use the arrow keys, to read it.";
    if (found.some(c => c.loss.curve.ofBatch)) section.append(element("p", {class: "soft"},
      `${found.filter(c => c.loss.curve.ofBatch).map(c => c.loss.name).join(", ")}: a unit's loss depends on the others; these points are one batch.`));
    return section;
  }
  function chart(title, axis, found, pick) {
    const width = 460, height = 260, left = 52, right = 8, top = 10, bottom = 44;
    const about = found[0].loss.curve;
    let low = Infinity, high = -Infinity;
    for (const one of found) for (const v of pick(one) ?? []) if (Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
    if (low > high) [low, high] = [0, 1];
    const zoom = Number(byId("zoom").value);
    if (zoom) { high = Math.min(high, zoom); low = Math.max(low, -zoom); if (low >= high) [low, high] = [-zoom, zoom]; }
    if (title === "value" && low > 0 && low < 0.4 * high) low = 0;
    const room = Math.max(0.04 * (high - low), 1e-9 + 1e-3 * Math.abs(high));
    low -= room; high += room;
    const X = x => left + (x - about.from) / (about.to - about.from) * (width - left - right);
    const Y = y => top + (high - y) / (high - low) * (height - top - bottom);
    const id = `clip-${title}-${[...axis].map(c => c.charCodeAt(0).toString(36)).join("")}`;
    const svg = drawn("svg", {class: "chart", viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "img", "data-chart": `${title} ${axis}`,
      "aria-label": `${title} of ${found.map(c => c.loss.name).join(", ")} against ${axis}; arrow keys read it`},
      drawn("clipPath", {id}, drawn("rect", {x: left, y: top, width: width - left - right, height: height - top - bottom})));
    for (const x of ticks(about.from, about.to, 8)) svg.append(
      drawn("line", {class: x === 0 ? "zero" : "grid", x1: X(x), x2: X(x), y1: top, y2: height - bottom}),
      drawn("text", {x: X(x), y: height - bottom + 16, "text-anchor": "middle"}, short(x)));
    for (const y of ticks(low, high, 6)) svg.append(
      drawn("line", {class: y === 0 ? "zero" : "grid", x1: left, x2: width - right, y1: Y(y), y2: Y(y)}),
      drawn("text", {x: left - 6, y: Y(y) + 4, "text-anchor": "end"}, short(y)));
    svg.append(drawn("text", {x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle"}, axis));
    for (const one of found) {
      const numbers = pick(one);
      if (!numbers) continue;
      let path = "", pen = "M";
      numbers.forEach((v, i) => {
        if (!Number.isFinite(v)) { pen = "M"; return; }
        const y = Math.max(-2000, Math.min(2000, Y(v)));
        path += `${pen}${X(about.from + (about.to - about.from) * i / (about.points - 1)).toFixed(1)} ${y.toFixed(1)}`;
        pen = "L";
      });
      svg.append(drawn("path", {class: "line", d: path, "clip-path": `url(#${id})`, style: `stroke:${colour(one.loss.name)}`, "stroke-dasharray": dash(one.loss.name), "data-loss": one.loss.name, "data-what": title}));
    }
    const cursor = drawn("line", {class: "cursor", y1: top, y2: height - bottom, visibility: "hidden"});
    svg.append(cursor);
    const made = {
      figure: element("figure", {}, element("figcaption", {}, element("b", {}, title)), svg),
      onmove: null,
      move(at) {
        const x = X(about.from + (about.to - about.from) * at / (about.points - 1));
        cursor.setAttribute("x1", x); cursor.setAttribute("x2", x); cursor.setAttribute("visibility", "visible");
      },
    };
    svg.addEventListener("pointermove", event => {
      const box = svg.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width * width - left) / (width - left - right);
      made.onmove(Math.round(Math.max(0, Math.min(1, share)) * (about.points - 1)));
    });
    svg.addEventListener("keydown", event => {
      const step = {ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -about.points, End: about.points}[event.key];
      if (!step) return;
      event.preventDefault();
      const now = cursors.get(axis) ?? (about.points - 1) / 2;
      made.onmove(Math.max(0, Math.min(about.points - 1, now + step)));
    });
    return made;
  }

  // ---- surfaces ------------------------------------------------------------------------------

  function drawSurfaces() {
    const losses = chosen.map(name => byName.get(name)).filter(loss => loss.surface);
    const place = byId("surfaces");
    if (!losses.length) { place.replaceChildren(); return; }
    place.replaceChildren(element("section", {}, element("h2", {}, "In two dimensions"),
      element("p", {class: "soft"}, "Dark is low. Lines join points of the same loss; arrows point downhill, the way a gradient step goes, longer where it is steeper."),
      element("div", {class: "planes"}, ...losses.map(surfaceFigure))));
  }
  function surfaceFigure(loss) {
    const about = loss.surface, points = about.points, {grid, at} = surfaceOf(loss);
    const size = 300, left = 40, bottom = 40, top = 6, right = 6;
    const wide = size - left - right, tall = size - top - bottom;
    const settings = loss.knobs.map((knob, i) => `${knob.name} ${short(at[i])}`).join(", ");
    const caption = element("figcaption", {}, element("b", {}, loss.name), settings ? ` (${settings})` : "");
    if (about.alone) caption.append(" Each point is a batch of its own.");
    const X = x => left + (x - about.x[0]) / (about.x[1] - about.x[0]) * wide;
    const Y = y => top + (about.y[1] - y) / (about.y[1] - about.y[0]) * tall;
    const svg = drawn("svg", {viewBox: `0 0 ${size} ${size}`, role: "img", "data-surface": loss.name,
      "aria-label": `${loss.name} over ${about.axes[0]} and ${about.axes[1]}`});
    const plane = element("div", {class: "plane"});
    if (grid) {
      const numbers = new Uint16Array(bytes(grid.value).buffer);
      const canvas = element("canvas", {width: 2 * wide, height: 2 * tall, "aria-hidden": "true",
        style: `left:${100 * left / size}%;top:${100 * top / size}%;width:${100 * wide / size}%;height:${100 * tall / size}%`});
      paint(canvas, numbers, points);
      plane.append(canvas);
      svg.append(drawn("path", {class: "contour", d: contours(numbers, points, (i, j) => [left + i / (points - 1) * wide, top + (1 - j / (points - 1)) * tall])}));
      if (grid.arrows) svg.append(drawn("path", {class: "arrow", d: arrows(new Int8Array(bytes(grid.arrows).buffer), points,
        (i, j) => [left + i / (points - 1) * wide, top + (1 - j / (points - 1)) * tall], about)}));
    } else svg.append(drawn("text", {x: size / 2, y: size / 2, "text-anchor": "middle"}, "not defined for these values"));
    if (about.kind === "class vectors") for (const turn of [0, 1, 2]) {
      const angle = turn * 2 * Math.PI / 3, x = X(Math.cos(angle)), y = Y(Math.sin(angle));
      svg.append(drawn("path", {class: "true", d: `M${X(0)} ${Y(0)}L${x} ${y}`}), drawn("circle", {cx: x, cy: y, r: turn ? 3 : 5, fill: turn ? "#fff" : "#d55e00", stroke: "#fff"}));
    }
    if (about.axes[1].includes("pair is (1, 0)")) svg.append(drawn("circle", {cx: X(1), cy: Y(0), r: 5, fill: "#d55e00", stroke: "#fff"}));
    if (about.kind === "class vectors") caption.append(" Its own class vector ends in the orange dot.");
    for (const x of ticks(...about.x, 5)) svg.append(drawn("text", {x: X(x), y: size - bottom + 15, "text-anchor": "middle"}, short(x)));
    for (const y of ticks(...about.y, 5)) svg.append(drawn("text", {x: left - 5, y: Y(y) + 4, "text-anchor": "end"}, short(y)));
    svg.append(drawn("text", {x: left + wide / 2, y: size - 7, "text-anchor": "middle", ...fit(about.axes[0], wide)}, about.axes[0]),
      drawn("text", {transform: `translate(11 ${top + tall / 2}) rotate(-90)`, "text-anchor": "middle", ...fit(about.axes[1], tall)}, about.axes[1]));
    plane.append(svg);
    const stops = HEAT.map(c => `rgb(${c})`).join(",");
    const scale = grid ? element("div", {class: "scale"}, short(grid.low), element("i", {style: `background:linear-gradient(90deg,${stops})`}),
      grid.top > grid.high ? `${short(grid.high)} and more, up to ${short(grid.top)}` : short(grid.high)) : "";
    return element("figure", {}, plane, scale, caption);
  }
  // long names are squeezed into the room there is
  const fit = (text, room) => text.length * 6 > room ? {textLength: room, lengthAdjust: "spacingAndGlyphs"} : {};
  function paint(canvas, numbers, points) {
    const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
    for (let py = 0; py < canvas.height; py++) {
      const v = (1 - (py + 0.5) / canvas.height) * (points - 1), j = Math.min(points - 2, Math.floor(v)), b = v - j;
      for (let px = 0; px < canvas.width; px++) {
        const u = (px + 0.5) / canvas.width * (points - 1), i = Math.min(points - 2, Math.floor(u)), a = u - i;
        const at = j * points + i;
        const mean = (numbers[at] * (1 - a) + numbers[at + 1] * a) * (1 - b) + (numbers[at + points] * (1 - a) + numbers[at + points + 1] * a) * b;
        const share = mean / 65535 * (HEAT.length - 1), k = Math.min(HEAT.length - 2, Math.floor(share)), c = share - k;
        const to = 4 * (py * canvas.width + px);
        for (let s = 0; s < 3; s++) image.data[to + s] = HEAT[k][s] * (1 - c) + HEAT[k + 1][s] * c;
        image.data[to + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
  }
  function contours(numbers, points, at) {  // marching squares
    let path = "";
    for (let level = 1; level < 10; level++) {
      const want = level / 10 * 65535;
      for (let j = 0; j < points - 1; j++) for (let i = 0; i < points - 1; i++) {
        const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]], crossed = [];
        for (let side = 0; side < 4; side++) {
          const [p, q] = [corners[side], corners[(side + 1) % 4]];
          const a = numbers[p[1] * points + p[0]], b = numbers[q[1] * points + q[0]];
          if ((a < want) !== (b < want)) { const t = (want - a) / (b - a); crossed.push(at(p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1]))); }
        }
        for (let c = 0; c + 1 < crossed.length; c += 2) path += `M${crossed[c].map(n => n.toFixed(1))}L${crossed[c + 1].map(n => n.toFixed(1))}`;
      }
    }
    return path;
  }
  function arrows(numbers, points, at, about) {
    const side = Math.sqrt(numbers.length / 2), unit = [about.x[1] - about.x[0], about.y[1] - about.y[0]];
    let path = "", longest = 1e-9;
    const found = [];
    for (let j = 0; j < side; j++) for (let i = 0; i < side; i++) {
      // downhill, in the picture's own lengths
      const dx = -numbers[j * side + i] / unit[0], dy = numbers[side * side + j * side + i] / unit[1];
      const length = Math.hypot(dx, dy);
      longest = Math.max(longest, length);
      found.push([i, j, dx, dy, length]);
    }
    for (const [i, j, dx, dy, length] of found) {
      if (length < 0.01 * longest) continue;
      const [x, y] = at(2 + 4 * i, 2 + 4 * j), reach = (5 + 12 * Math.sqrt(length / longest)) / length;
      const ex = x + dx * reach, ey = y + dy * reach, hx = dx / length * 4, hy = dy / length * 4;
      path += `M${x.toFixed(1)} ${y.toFixed(1)}L${ex.toFixed(1)} ${ey.toFixed(1)}M${(ex - hx - hy / 1.6).toFixed(1)} ${(ey - hy + hx / 1.6).toFixed(1)}L${ex.toFixed(1)} ${ey.toFixed(1)}L${(ex - hx + hy / 1.6).toFixed(1)} ${(ey - hy - hx / 1.6).toFixed(1)}`;
    }
    return path;
  }

  // ---- cards ---------------------------------------------------------------------------------

  function paper(text) {
    const arxiv = /^arXiv:(\S+)$/.exec(text), doi = /^doi:(\S+)$/i.exec(text);
    const to = arxiv ? `https://arxiv.org/abs/${arxiv[1]}` : doi ? `https://doi.org/${doi[1]}` : null;
    return to && element("a", {href: to, rel: "noreferrer"}, text);  // others are in the reference
  }
  function card(loss) {
    const found = element("article", {class: "card", style: `border-color:${colour(loss.name)}`, "data-card": loss.name});
    found.append(
      element("header", {}, element("h3", {}, swatch(loss.name), loss.name),
        element("button", {type: "button", "aria-label": `remove ${loss.name}`, onclick: () => { choose(loss.name, false); byId("search").focus(); }}, "×")),
      element("p", {class: "soft"}, [loss.module === loss.name ? "" : loss.module, loss.family, loss.takes].filter(Boolean).join("  ·  ")));
    loss.knobs.forEach((knob, i) => found.append(slider(loss, knob, i)));
    if (loss.what) found.append(html("div", loss.what, {class: "formula"}));
    if (loss.when) found.append(element("p", {}, element("b", {}, "When to use, when not. "), html("span", loss.when)));
    if (loss.more.length) found.append(element("details", {}, element("summary", {}, "More"), ...loss.more.map(text => html("p", text))));
    if (loss.references) found.append(html("p", `<b>Reference.</b> ${loss.references} `, {class: "soft"}));
    const link = paper(loss.paper);
    if (link) found.append(element("p", {class: "soft"}, link));
    return found;
  }
  function slider(loss, knob, i) {
    const now = turned.get(loss.name)[i], id = `knob-${loss.name}-${knob.name}`;
    const output = element("output", {for: id}, short(now));
    const continuous = data.live && !knob.whole;
    const input = element("input", continuous
      ? {id, type: "range", min: knob.bounds[0], max: knob.bounds[1], step: (knob.bounds[1] - knob.bounds[0]) / 200, value: now}
      : {id, type: "range", min: 0, max: knob.values.length - 1, step: 1, value: places(loss)[i]});
    const said = () => input.setAttribute("aria-valuetext", `${knob.name} ${short(turned.get(loss.name)[i])}`);
    input.addEventListener("input", () => {
      const value = continuous ? Number(Number(input.value).toPrecision(4)) : knob.values[Number(input.value)];
      turned.get(loss.name)[i] = value;
      output.textContent = short(value);
      said();
      draw(false);
    });
    said();
    return element("div", {class: "knob"}, element("label", {for: id}, element("code", {}, knob.name)), output, input,
      html("small", `${knob.help || "no description"}${knob.range.includes("inf") && knob.range.startsWith("(-inf") ? "" : ` <span>Range ${knob.range}.</span>`}`));
  }

  // ---- the whole -----------------------------------------------------------------------------

  function draw(cards = true) {
    drawCurves();
    drawSurfaces();
    if (cards) byId("cards").replaceChildren(...chosen.map(name => card(byName.get(name))));
    byId("nothing").hidden = chosen.length > 0;
    remember();
  }
  function choose(name, yes) {
    chosen = chosen.filter(other => other !== name);
    if (yes) {
      chosen.push(name);
      if (!styles.has(name)) styles.set(name, free());
    } else styles.delete(name);
    const box = document.querySelector(`#list input[value="${CSS.escape(name)}"]`);
    if (box) box.checked = yes;
    draw();
  }
  function free() {
    const taken = new Set(styles.values());
    let number = 0;
    while (taken.has(number)) number++;
    return number;
  }
  function remember() {  // the address keeps what is shown
    const said = chosen.map(name => {
      const loss = byName.get(name);
      const changed = loss.knobs.map((knob, i) => [knob, turned.get(name)[i]]).filter(([knob, value]) => value !== knob.values[knob.start]);
      return [encodeURIComponent(name), ...changed.map(([knob, value]) => `${knob.name}=${value}`)].join(";");
    });
    const hash = `#${said.join("&")}`;
    if (location.hash !== hash) history.replaceState(null, "", hash);
  }
  function recall() {
    const asked = location.hash.slice(1).split("&").filter(Boolean).map(part => part.split(";"));
    const names = [];
    for (const [coded, ...settings] of asked) {
      let name = "";
      try { name = decodeURIComponent(coded); } catch { continue; }
      const loss = byName.get(name);
      if (!loss || names.includes(name)) continue;
      names.push(name);
      for (const setting of settings) {
        const [key, value] = setting.split("="), i = loss.knobs.findIndex(knob => knob.name === key);
        if (i >= 0 && value !== "" && Number.isFinite(Number(value))) {
          turned.get(name)[i] = Number(value);
          if (!data.live) turned.get(name)[i] = loss.knobs[i].values[places(loss)[i]];
        }
      }
    }
    chosen = location.hash.length > 1 ? names : [...data.first];
    styles.clear();
    chosen.forEach(name => styles.set(name, free()));
    for (const box of document.querySelectorAll("#list input")) box.checked = chosen.includes(box.value);
    draw();
  }
  function list() {
    const place = byId("list");
    for (const [family, said] of Object.entries(data.families)) {
      byId("family").append(element("option", {value: family}, family));
      const group = element("fieldset", {"data-family": family}, element("legend", {title: said}, family));
      for (const loss of data.losses.filter(one => one.family === family)) {
        loss.words = [loss.name, loss.module, loss.what, loss.when, loss.more.join(" "), loss.references].join(" ").replace(/<[^>]*>/g, " ").toLowerCase();
        group.append(element("label", {}, element("input", {type: "checkbox", value: loss.name, onchange: event => choose(loss.name, event.target.checked)}), loss.name));
      }
      place.append(group);
    }
  }
  function filter() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean), family = byId("family").value;
    let count = 0;
    for (const group of document.querySelectorAll("#list fieldset")) {
      let any = false;
      for (const label of group.querySelectorAll("label")) {
        const loss = byName.get(label.querySelector("input").value);
        const shown = (!family || loss.family === family) && words.every(word => loss.words.includes(word));
        label.hidden = !shown;
        label.style.display = shown ? "" : "none";
        any ||= shown;
        count += shown;
      }
      group.hidden = !any;
    }
    byId("found").textContent = words.length || family ? `${count} of ${data.losses.length}` : "";
  }
  list();
  if (matchMedia("(max-width: 52rem)").matches) byId("chooser").open = false;
  byId("search").addEventListener("input", filter);
  byId("family").addEventListener("change", filter);
  byId("zoom").addEventListener("change", () => draw(false));
  byId("clear").addEventListener("click", () => { for (const name of [...chosen]) choose(name, false); });
  byId("skip").addEventListener("click", event => { event.preventDefault(); byId("pictures").focus(); });
  addEventListener("hashchange", recall);
  addEventListener("keydown", event => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      byId("chooser").open = true;
      byId("search").focus();
    }
  });
  recall();
})();
