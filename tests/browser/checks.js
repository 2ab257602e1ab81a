// What the report must do, one function a check: it gets the lines that
// `verify` wrote (the oracle), and answers "" or what is wrong.  The name says
// in which window a check runs: "wide", "scheme" (once light, once dark) or
// "narrow".
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);
const is = (found, expected, what) =>
    found === expected ? "" : `${what}: expected ${expected}, found ${found}`;
const first = (...complaints) => complaints.find((c) => c) || "";
const claimsOf = (lines) => lines.filter((l) => !/^X[A-Z]/.test(l.id));
const shown = (e) => e.getClientRects().length > 0;
const rows = () => all("tbody.claim").filter(shown);

function choose(id, value) {
    const control = document.getElementById(id);
    control.value = value;
    control.dispatchEvent(new Event("input", { bubbles: true }));
}
function reset() {
    for (const id of ["family", "verdict", "text"])
        choose(id, "");
}
// The rows that a choice leaves must be those that `wanted` picks.
function filtered(id, value, lines, wanted) {
    choose(id, value);
    const found = rows().map((r) => r.id).join(" ");
    const counter = one("#shown").value;
    reset();
    const expected = claimsOf(lines).filter(wanted).map((l) => l.id);
    return first(is(found, expected.join(" "), `${id} = '${value}'`),
        is(parseInt(counter), expected.length, `counter at '${value}'`));
}

// WCAG 2's contrast of two opaque colours, as computed styles print them.
function luminance(colour) {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) =>
        v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a, b) {
    const [x, y] = [luminance(a), luminance(b)].sort((s, t) => t - s);
    return (x + 0.05) / (y + 0.05);
}
const paper = () => getComputedStyle(document.body).backgroundColor;

return {
    "wide: the page is whole": (lines) => first(
        document.title.startsWith("Theoremeter: ") ? "" : document.title,
        document.body.textContent.includes("{{") ? "a part was not filled" : "",
        is(all("h1").length, 1, "h1"),
        is(all("main").length, 1, "main")),

    "wide: a row a claim, with the verdicts that verify wrote": (lines) =>
        first(is(all("tbody.claim").length, claimsOf(lines).length, "rows"),
            ...claimsOf(lines).map((l) => {
                const r = document.getElementById(l.id);
                const twin = lines.find((t) => t.id === "X" + l.id);
                if (!r)
                    return `no row ${l.id}`;
                return first(
                    is(one(".row .verdicts .verdict", r).textContent, l.verdict, l.id),
                    l.cases ? is(one(".row .basis", r).textContent.includes(l.evidence),
                        true, `${l.id}: evidence`) : "",
                    twin ? is(one(".row .twin .verdict", r).textContent, twin.verdict,
                        twin.id) : "");
            })),

    "wide: the counts are those of verify": (lines) => first(
        ...["HOLDS", "REFUTED", "UNDECIDED", "VACUOUS"].map((v) => is(
            +one(`.counts .${v} + dd`).textContent,
            claimsOf(lines).filter((l) => l.verdict === v).length, v))),

    "wide: an outcome that is not as expected is named": (lines) => {
        const bad = lines.filter((l) => l.verdict !== l.expected);
        const text = one(".outcome").textContent;
        return first(is(text.startsWith("Each of"), bad.length === 0, "praise"),
            ...bad.map((l) => text.includes(l.id) ? "" : `${l.id} is not named`));
    },

    "wide: the filter by paper and claim": (lines) => {
        const options = all("#family option").map((o) => o.value);
        const groups = new Set(claimsOf(lines).flatMap((l) =>
            [l.id[0], l.id.split(".")[0]]));
        return first(
            is(options.length, 1 + groups.size, "options"),
            ...options.filter((v) => v).map((v) => filtered("family", v, lines,
                (l) => l.id[0] === v || l.id.split(".")[0] === v)));
    },

    "wide: the filter by verdict": (lines) => first(
        ...["HOLDS", "REFUTED", "UNDECIDED", "VACUOUS"].map((v) =>
            filtered("verdict", v, lines, (l) => l.verdict === v)),
        filtered("verdict", "unexpected", lines, (l) => [l.id, "X" + l.id].some(
            (id) => lines.some((t) => t.id === id && t.verdict !== t.expected)))),

    "wide: the search": (lines) => {
        choose("text", claimsOf(lines)[0].slug.toUpperCase());
        const found = rows().map((r) => r.id);
        choose("text", "no claim says this zzz");
        const none = [rows().length, shown(one("#none"))].join();
        reset();
        return first(
            is(found.includes(claimsOf(lines)[0].id), true, "found by slug"),
            is(found.length < Math.max(2, claimsOf(lines).length), true, "narrowed"),
            is(none, "0,true", "nothing matches"),
            is(rows().length, claimsOf(lines).length, "all again"));
    },

    "wide: every row opens to what the claim rests on, and closes": (lines) =>
        first(...claimsOf(lines).map((l) => {
            const r = document.getElementById(l.id);
            const button = one("button", r), detail = one(".detail", r);
            const closed = shown(detail);
            button.click();
            const text = detail.textContent;
            const open = shown(detail) && button.getAttribute("aria-expanded");
            const rest = is(detail.id, button.getAttribute("aria-controls"), "controls");
            button.click();
            const twin = lines.find((t) => t.id === "X" + l.id);
            return first(rest, is(closed, false, `${l.id}: closed`),
                is(open, "true", `${l.id}: open`),
                is(shown(detail), false, `${l.id}: closed again`),
                ...[l, twin].filter((t) => t && t.cases).map((t) =>
                    is(text.includes(t.recorded
                        ? `--recorded out/recorded --only ${l.id}`
                        : `verify --only ${t.id} --case `) &&
                        text.includes(t.worst_case), true, `replay of ${t.id}`)));
        })),

    "wide: the texts of the notes are rendered": () => first(
        ...all("tbody.claim").map((r) => {
            const raw = r.textContent.match(/\*\*|`|&lt;|&amp;/);
            return raw ? `${r.id} shows '${raw[0]}'` : "";
        })),

    "wide: all rows open and close at once": () => {
        one("#all").click();
        const open = all(".detail").filter(shown).length;
        one("#all").click();
        return first(is(open, all("tbody.claim").length, "open"),
            is(all(".detail").filter(shown).length, 0, "closed"));
    },

    "wide: the figures are drawn": () => first(
        is(all("figure").length >= 3, true, "three figures"),
        ...all("figure").map((f) => {
            const svg = one("svg", f), box = svg && svg.getBoundingClientRect();
            return first(
                svg ? "" : `${f.id}: ${f.textContent.replace(/\s+/g, " ").slice(0, 120)}`,
                svg && box.width > 300 && box.height > 150 ? "" : `${f.id} is small`,
                svg && all("path, use, polygon", svg).length > 20 ? "" : `${f.id} is empty`,
                svg && one("[role=img]", f).getAttribute("aria-label") ? "" :
                    `${f.id} has no label`,
                f.textContent.includes("Slice:") ? "" : `${f.id} does not say its slice`);
        })),

    "wide: the run is recorded": () => first(
        ...["seed", "version", "compiler", "cpu", "isa", "blas_core"].map((key) =>
            all("#run th").some((t) => t.textContent.endsWith(key)) ? "" : `no ${key}`)),

    "wide: names are unique and controls are labelled": () => {
        const ids = all("[id]").map((e) => e.id);
        const twice = ids.find((id, i) => ids.indexOf(id) !== i);
        const dumb = all("button, select, input").find((e) =>
            !(e.textContent.trim() || e.getAttribute("aria-label")) && !e.labels.length);
        return first(twice ? `two parts are called ${twice}` : "",
            dumb ? `no label: ${dumb.outerHTML}` : "");
    },

    "scheme: text stands out from the paper": () => first(
        ...["h1", ".lead", ".slug", ".statement", ".basis", "th", "#shown",
            ".HOLDS", ".REFUTED", ".UNDECIDED", ".VACUOUS", "figcaption", "code",
            "button", "select"].map((s) => {
            const c = one(s) ? contrast(getComputedStyle(one(s)).color, paper()) : 21;
            return c >= 4.5 ? "" : `${s} has contrast ${c.toFixed(2)}`;
        })),

    "scheme: the figures stand out from the paper": () => first(
        ...all("figure svg text").map((t) => {
            const c = contrast(getComputedStyle(t).fill, paper());
            return c >= 3 ? "" : `'${t.textContent}' has contrast ${c.toFixed(2)}`;
        }),
        ...all("figure svg path").map((p) => {
            const s = getComputedStyle(p).stroke;
            if (s === "none")
                return "";
            const c = contrast(s, paper());
            return c >= 3 ? "" : `a line ${s} has contrast ${c.toFixed(2)}`;
        })),

    "scheme: the button changes to the other scheme and back": () => {
        const before = paper();
        one("#theme").click();
        const other = paper();
        one("#theme").click();
        return first(is(before === other, false, "same paper"),
            is(paper(), before, "paper"));
    },

    "narrow: nothing is wider than the window": () => {
        one("#all").click();
        const width = document.documentElement.scrollWidth;
        one("#all").click();
        return width <= innerWidth ? "" : `${width} of ${innerWidth} pixels`;
    },

    "narrow: verdicts and twins are still there": (lines) => first(
        ...all("tbody.claim").map((r) =>
            all(".row .verdict", r).every(shown) && shown(one(".statement", r))
                ? "" : `${r.id} hides its verdict`)),
};
