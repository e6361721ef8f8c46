"""The page to drag, in a real browser: what it reads out is what Python computes from the same numbers."""

import base64
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from extras import needed
from scipy.optimize import minimize

from cosines.audit.files import read_model
from cosines.audit.findings import audit
from cosines.evaluation import cluster_auc, nearest, overlap
from cosines.publishing.page import numbers, page
from cosines.scalings import attainable_range, prediction_space
from cosines.similarity import cosine

PAGE = Path(__file__).parents[1] / "figures" / "explore.html"
TEXT = PAGE.read_text(encoding="utf-8")
NUMBERS = json.loads(TEXT.partition('id="numbers">')[2].partition("</script>")[0])
K, SIGMA = NUMBERS["k"], np.array(NUMBERS["sigma"])
V = np.frombuffer(base64.b64decode(NUMBERS["V"]), "<i2").reshape(-1, K) * NUMBERS["step"]
W = 1 / (1 + NUMBERS["lam"] / SIGMA**2)
EVEN = V * np.sqrt(W)
CLUSTER = np.array(NUMBERS["cluster"])
# log d of each scaling that is compared, and the buttons that have a name for it.
SCALINGS = {
    "V": np.log(W) / 2, "half": np.zeros(K), "w": -np.log(W) / 2, "sigma": -np.log(SIGMA) / 2,
    "predictions": -np.log(W) / 2 - np.log(SIGMA), "perfect": np.array(NUMBERS["best"]),
    "worse": np.array(NUMBERS["worst"]),
}
RANDOM = {f"random-{s}": s * np.random.default_rng(s).normal(size=K) for s in (1, 2)}


@pytest.fixture(scope="module")
def browser():
    api = needed("playwright.sync_api", "browser")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium: on Debian, apt install chromium")
    with api.sync_playwright() as playwright:
        with playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as opened:
            yield opened


@pytest.fixture
def visit(browser):
    """Open the page, at an address of its own; whatever it complains of or asks for fails the test."""
    contexts, complaints = [], []

    def opened(address="", width=1280, **settings):
        context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce", **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith(("file:", "blob:")) or complaints.append(request.url))
        page.goto(PAGE.as_uri() + address)
        settle(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def settle(page):
    """Wait until the read-outs belong to the picture."""
    page.wait_for_selector("html[data-settled]")


def after(page, act):
    """Do something, and wait for what it changes."""
    page.evaluate("delete document.documentElement.dataset.settled")
    act()
    settle(page)


def log_d(page):
    return np.array(page.evaluate("explore.state.logD"))


def assert_scaling(page, expected):
    """The page shows the scaling `expected`, up to a common factor of D."""
    shown = log_d(page)
    np.testing.assert_allclose(shown - shown.mean(), expected - np.mean(expected), atol=1e-9)


# What it reads out


@pytest.fixture(scope="module")
def opened(browser):
    """One page for all that changes nothing."""
    page = browser.new_page(reduced_motion="reduce")
    page.goto(PAGE.as_uri())
    settle(page)
    yield page
    page.close()


@pytest.mark.parametrize("name", [*SCALINGS, *RANDOM])
def test_readings_are_those_of_python(name, opened):
    logs = {**SCALINGS, **RANDOM}[name]
    measured = opened.evaluate("logD => explore.measure(logD)", logs.tolist())
    S = cosine(EVEN * np.exp(-logs))
    assert measured["auc"] == pytest.approx(cluster_auc(S, CLUSTER), abs=1e-6)
    kept = overlap(nearest(S), nearest(cosine(EVEN))).mean()
    assert measured["kept"] == pytest.approx(kept, abs=1e-6)
    assert measured["condition"] == pytest.approx(np.exp(np.ptp(logs)), rel=1e-6)
    assert 0 <= measured["change"] < 1e-9


def test_predictions_are_read_from_both_factors(opened):
    """Who rescales items alone changes predictions, and the page would say so."""
    changed = opened.evaluate("""() => {
        const one = { ...explore.model, even: explore.model.even.map((x, l) => x * (1 + l % 2)) };
        const before = explore.predictions(explore.model, Array(explore.model.k).fill(0));
        return Math.max(...explore.predictions(one, Array(one.k).fill(0)).map((x, i) => Math.abs(x - before[i])));
    }""")
    assert changed > 1e-3


def test_predictions_are_those_of_python(opened):
    shown = opened.evaluate("Array.from(explore.predictions(explore.model, explore.state.logD))")
    X = np.zeros((len(NUMBERS["users"]), len(V)))
    for row, items in zip(X, NUMBERS["users"], strict=True):
        row[items] = 1
    np.testing.assert_allclose(np.reshape(shown, X.shape), X @ (V * W) @ V.T, atol=1e-10)


@pytest.mark.parametrize("pair", [(0, 1), (3, 700), (998, 999), (250, 600)])
def test_ranges_of_a_pair_are_those_of_python(pair, opened):
    found = opened.evaluate("pair => explore.ranges(pair)", list(pair))
    i, j = pair
    np.testing.assert_allclose(found["range"], np.ravel(attainable_range(EVEN[i], EVEN[j])), atol=1e-6)
    for end in found["bounded"]:
        D = np.exp(np.array(end["logD"]))
        assert D.max() / D.min() <= 1e6 * (1 + 1e-9)
        attained = cosine(EVEN[[i]] / D, EVEN[[j]] / D).item()
        assert attained == pytest.approx(end["value"], abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_ends_at_a_condition_are_those_of_an_optimiser(seed, opened):
    rng, kappa = np.random.default_rng(seed), 2
    u, v = rng.normal(size=(2, 6)) if seed else np.abs(rng.normal(size=(2, 6)))

    def rho(log_e):
        e = np.exp(log_e)
        return e @ (u * v) / np.sqrt((e @ u**2) * (e @ v**2))

    ends = [min(sign * minimize(lambda x, sign=sign: sign * rho(x), start, bounds=[(0, 2 * np.log(kappa))] * 6).fun * sign
                for start in rng.uniform(0, 2 * np.log(kappa), size=(30, 6))) * sign for sign in (1, -1)]
    found = opened.evaluate("([u, v, kappa]) => explore.rangeAtCondition(u, v, kappa)", [u.tolist(), v.tolist(), kappa])
    np.testing.assert_allclose([end["value"] for end in found], ends, atol=1e-6)


# What its controls do


def test_the_exponent_is_what_its_slider_says(visit):
    page = visit()
    for g in (-1, 0.25, 2):
        after(page, lambda g=g: page.locator("#exponent").fill(str(g)))
        assert_scaling(page, (0.5 - g) * np.log(W))
        assert page.locator("#exponent-value").inner_text() == f"{g:.2f}".replace("-", "−")
    assert page.locator("#identical").inner_text() == "identical"


@pytest.mark.parametrize("name", SCALINGS)
def test_a_button_sets_the_scaling_of_its_name(name, visit):
    page = visit("#at=w" if name == "half" else "")
    button = page.locator(f"button[data-scaling={name}]")
    after(page, button.click)
    assert_scaling(page, SCALINGS[name])
    assert button.get_attribute("aria-pressed") == "true"
    auc = cluster_auc(cosine(EVEN * np.exp(-SCALINGS[name])), CLUSTER)
    assert page.locator("#auc").inner_text() == f"{auc:.2f}"


def test_perfect_and_worse_than_chance_are_what_they_are_called():
    assert cluster_auc(cosine(EVEN * np.exp(-SCALINGS["perfect"])), CLUSTER) > 0.99
    assert cluster_auc(cosine(EVEN * np.exp(-SCALINGS["worse"])), CLUSTER) < 0.5


def test_a_bar_turns_one_entry_of_d_by_keys(visit):
    page = visit()
    bars = page.get_by_role("slider", name="dimension")
    bars.first.focus()
    page.keyboard.press("ArrowRight")
    after(page, lambda: page.keyboard.press("PageUp"))
    turned = np.zeros(K)
    turned[1] = 0.5 * np.log(10)
    assert_scaling(page, turned)
    assert page.evaluate("document.activeElement.ariaLabel") == "dimension 2"


def test_a_bar_follows_the_hand(visit):
    page = visit()
    page.locator("#bars").scroll_into_view_if_needed()
    box = page.locator("#bars").bounding_box()

    def drag():
        page.mouse.move(box["x"] + box["width"] * 9.5 / K, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 9.5 / K, box["y"] + box["height"] / 6)
        page.mouse.up()

    after(page, drag)
    shown = log_d(page)
    assert shown[9] - shown[0] == pytest.approx(2 * np.log(10), abs=0.1)
    assert np.ptp(np.delete(shown, 9)) < 1e-9


def test_steps_lead_through_it(visit):
    page = visit()
    expected = ["half", "V", "perfect", "worse", "predictions"]
    for name in expected[1:]:
        after(page, page.locator("#next").click)
        assert_scaling(page, SCALINGS[name])
    assert page.locator("#next").is_disabled()
    after(page, page.locator("#back").click)
    assert_scaling(page, SCALINGS["worse"])
    after(page, lambda: (page.locator("body").focus(), page.evaluate("document.activeElement.blur()"),
                         page.keyboard.press("p")))
    assert_scaling(page, SCALINGS["perfect"])


def test_steps_are_walked_by_keys_and_say_which_is_current(visit):
    page = visit()
    first = page.locator("#steps button").first
    first.focus()
    after(page, lambda: page.keyboard.press("ArrowDown"))
    assert page.evaluate("document.activeElement.textContent") == "Turn the dial"
    assert page.locator("#steps [aria-current=step]").all_inner_texts() == ["Turn the dial"]
    page.locator("#next").focus()
    for _ in range(3):
        after(page, lambda: page.keyboard.press("Enter"))
    assert page.evaluate("document.activeElement.id") == "back"  # not lost with the button that is disabled
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("PageUp")  # scrolls, and sets nothing
    assert_scaling(page, SCALINGS["predictions"])


def test_a_click_chooses_a_pair_and_arrows_move_it(visit):
    page = visit()
    heat = page.locator("#cosines")
    box = heat.bounding_box()
    after(page, lambda: heat.click(position={"x": box["width"] * 0.3005, "y": box["height"] * 0.7005}))
    i, j = page.evaluate("explore.state.pair")
    assert abs(i - 700) <= 3 and abs(j - 300) <= 3
    after(page, lambda: heat.press("Shift+ArrowDown"))
    after(page, lambda: heat.press("ArrowLeft"))
    assert page.evaluate("explore.state.pair") == [i + 25, j - 1]


def test_a_pair_goes_to_either_end_of_its_range(visit):
    page = visit("#pair=3,700")
    for button, end in (("#to-low", 0), ("#to-high", 1)):
        bound = page.evaluate("explore.ranges([3, 700]).bounded")[end]["value"]
        after(page, page.locator(button).click)
        D = np.exp(log_d(page))
        assert cosine(EVEN[[3]] / D, EVEN[[700]] / D).item() == pytest.approx(bound, abs=1e-5)


def test_neighbours_are_listed_as_they_were_and_as_they_are(visit):
    page = visit("#at=worse&pair=40,2")
    letters = np.array(list("ABCDEFGHIJ"))[CLUSTER]
    names = [f"{letters[i]}{i - np.searchsorted(CLUSTER, CLUSTER[i]) + 1}" for i in range(len(V))]
    for panel, logs in (("before", SCALINGS["half"]), ("now", SCALINGS["worse"])):
        expected = [names[i] for i in nearest(cosine(EVEN * np.exp(-logs)))[40]]
        assert page.locator(f"#{panel} li").all_inner_texts() == expected
    kept = page.locator("#now li:not(.other)").all_inner_texts()
    assert set(kept) == set(page.locator("#before li").all_inner_texts()) & set(page.locator("#now li").all_inner_texts())
    assert 0 < len(kept) < 10


def test_an_item_and_itself_have_no_range(visit):
    page = visit("#pair=5,5")
    assert page.locator("#to-low").is_disabled()


def test_the_address_holds_the_state(visit):
    first = visit("#g=1.25&pair=17,42")
    second = visit(first.evaluate("location.hash"))
    assert_scaling(second, -0.75 * np.log(W))
    assert second.evaluate("explore.state.pair") == [17, 42]
    after(second, lambda: second.evaluate("explore.set(explore.model.w.map((_, l) => l / 50))"))
    third = visit(second.evaluate("location.hash"))
    assert_scaling(third, np.round(log_d(second) / np.log(10), 2) * np.log(10))


@pytest.mark.parametrize("address", ["#d=1,2,3", "#pair=7,1000", "#g=9", "#at=nothing", "#step=99", "#step=x&pair=1e9,-1", "#%"])
def test_a_broken_address_is_read_as_none(address, visit):
    page = visit(address)
    assert page.evaluate("explore.state.logD.every(Number.isFinite)")


# Files that are dropped


def factors(kind):
    """Items and users of a kind that the audit tells apart."""
    rng = np.random.default_rng(7)
    B = rng.normal(size=(900, 12)) * np.geomspace(1, 3, 12)
    P = rng.normal(size=(1500, 12)) * np.geomspace(8, 1, 12)
    B[300:330] = 2 * B[0]
    if kind in ("V", "V s"):
        U, s, Vt = np.linalg.svd(P @ B.T, full_matrices=False)
        return (Vt[:12].T * s[:12], U[:, :12]) if kind == "V s" else (Vt[:12].T, U[:, :12] * s[:12])
    return {"arbitrary": (B, P), "single precision": (B.astype(np.float32), P.astype(np.float32)), "no users": (B, None),
            "unit rows": (B / np.linalg.norm(B, axis=1, keepdims=True), None), "few": (B[:40], P)}[kind]


def look(page, *paths):
    """Give the page files of items and, perhaps, of users; wait for its answer."""
    for path, whose in zip(paths[::-1], ("items", "users")[:len(paths)][::-1], strict=True):
        page.set_input_files(f"#{whose}-file", path)
    page.wait_for_selector("html[data-audited=yes], html[data-audited=failed]")
    return page.evaluate("({...explore.found, kept: [...explore.found?.kept ?? []], hubs: [...explore.found?.hubs ?? []]})")


@pytest.mark.parametrize("kind", ["arbitrary", "single precision", "V", "V s", "no users", "unit rows", "few"])
def test_findings_are_those_of_the_command(kind, visit, tmp_path):
    B, P = factors(kind)
    paths = [tmp_path / "items.npy", tmp_path / "users.npy"][:1 if P is None else 2]
    for path, M in zip(paths, (B, P), strict=False):
        np.save(path, M)
    page, expected = visit(), audit(B, P, n_queries=200)
    found = look(page, *paths)
    assert found["verdict"] == expected.verdict
    assert tuple(found["saved"]) == expected.saved
    for name, share in found["kept"] if kind != "few" else ():
        finding = expected[f"kept-{name.replace(' ', '-')}"]
        assert [share["mean"], share["low"], share["high"]] == pytest.approx([finding.value, finding.low, finding.high], abs=1e-6)
    for name, hubs in found["hubs"]:
        assert hubs["skewness"] == pytest.approx(expected[f"hubs-{name.replace(' ', '-')}"].value, abs=1e-6)
    assert found["duplicates"] == pytest.approx(expected["duplicates"].value)
    assert found["dimensions"] == pytest.approx(expected["dimensions"].value, rel=1e-6)
    for name, key in (("metric", "metric"), ("near", "near-duplicates")):
        finding = expected[key]
        assert found[name]["mean"] == pytest.approx(finding.value, abs=1e-6)
    for name in ("antihubs", "collapse"):
        assert found[name] == pytest.approx(expected[name].value, abs=1e-6)
    # Random pairs are drawn by another generator: equal up to what ten thousand of them tell.
    assert found["anisotropy"] == pytest.approx(expected["anisotropy"].value, abs=0.02)
    if found["moves"] is not None:
        assert found["moves"] == pytest.approx(expected["moves"].value, abs=0.02)
    instead = page.locator("#findings tr", has=page.get_by_role("rowheader", name="Instead")).locator("td:last-child")
    said = [finding.meaning for finding in expected.findings if finding.key == "replacement"]
    assert instead.all_inner_texts() == said
    if expected.verdict in ("arbitrary", "scaling-dependent"):
        assert "balanced factors" in page.locator("#action").inner_text()


def test_what_is_downloaded_is_prediction_space(visit, tmp_path):
    B, P = factors("arbitrary")
    paths = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for path, M in zip(paths, (B, P), strict=True):
        np.save(path, M)
    page = visit()
    look(page, *paths)
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "prediction-space.npy"
    np.testing.assert_allclose(np.load(download.value.path()), B @ prediction_space(P.T @ P), rtol=1e-9, atol=1e-9)


def test_files_may_be_dropped_anywhere(visit):
    B, P = factors("arbitrary")
    page = visit()
    drop_files(page, ("users.npy", P), ("items.npy", B))
    page.wait_for_selector("html[data-audited=yes]")
    assert page.locator("#verdict").inner_text() == audit(B, P, n_queries=200).verdict
    assert "items.npy with users.npy: 900 items, 1,500 users, 12 dimensions" in page.locator("#sizes").inner_text()


def test_files_may_be_dropped_one_by_one_users_first(visit):
    B, P = factors("arbitrary")
    page = visit()
    drop_files(page, ("users.npy", P))
    assert page.locator("#said").inner_text() == "users.npy: the users. Now the items."
    drop_files(page, ("other.npy", B))
    page.wait_for_selector("html[data-audited=yes]")
    assert page.locator("#sizes").inner_text().startswith("other.npy with users.npy: 900 items, 1,500 users")


def test_the_page_links_to_the_command():
    links = re.findall(r'href="(?!https:)([^"]*)"', TEXT)
    assert "../docs/audit.md" in links and all((PAGE.parent / link).is_file() for link in links)


def drop_files(page, *named):
    """Drop matrices on the page, as files of these names."""
    files = [(name, base64.b64encode(as_npy(M)).decode()) for name, M in named]
    page.evaluate("""files => {
        const data = new DataTransfer();
        for (const [name, text] of files) data.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }""", files)


def as_npy(M):
    file = io.BytesIO()
    np.save(file, M, allow_pickle=True)
    return file.getvalue()


def changed(at, value):
    M = np.random.default_rng(0).normal(size=(60, 4))
    M[at] = value
    return M


def as_csv(*rows):
    return "".join(f"{','.join(map(str, row))}\n" for row in rows).encode()


NAMES = ["f0", "f1", "f2", "f3"]
ROWS = [[f"{x:.6f}" for x in row] for row in np.random.default_rng(0).normal(size=(60, 4))]
BAD = {
    "empty.npy": b"", "pickled.npy": b"\x80\x04\x95abc", "page.npy": b"<!DOCTYPE html><html>",
    "cut.npy": as_npy(changed(0, 1))[:-100], "cut-header.npy": as_npy(changed(0, 1))[:30],
    "vector.npy": as_npy(np.ones(4)), "cube.npy": as_npy(np.ones((2, 3, 4))), "no-rows.npy": as_npy(np.ones((0, 4))),
    "text.npy": as_npy(np.array([["a", "b"]])), "objects.npy": as_npy(np.array([[1, None]], dtype=object)),
    "complex.npy": as_npy(changed(0, 1) + 1j), "booleans.npy": as_npy(changed(0, 1) > 0),
    "nan.npy": as_npy(changed((7, 2), np.nan)), "infinite.npy": as_npy(changed((0, 0), np.inf)),
    "zero-rows.npy": as_npy(changed(slice(3, 5), 0)), "one-row.npy": as_npy(np.ones((1, 4))),
    "on-its-side.npy": as_npy(np.ones((3, 20_000), np.int8)),
    "empty.csv": b"", "ragged.csv": as_csv(NAMES, ROWS[0], ROWS[1][:3]), "names-only.csv": as_csv(NAMES),
    "a-word.csv": as_csv(NAMES, ROWS[0], ["a", *ROWS[1][1:]], *ROWS[2:]), "words.csv": as_csv(["word", *NAMES], *[["w", *row] for row in ROWS]),
    "nan.csv": as_csv(NAMES, *ROWS[:9], ["0.5", "nan", "1.5", "2.5"]), "gap.csv": as_csv(NAMES, ROWS[0]) + b"\n" + as_csv(ROWS[1]),
    "names-or-row.csv": as_csv([0, 1, 2, 3], *[[1, 2, 3, 4]] * 5), "numbering.csv": as_csv(*[[i, *row] for i, row in enumerate(ROWS)]),
    "rank.csv": as_csv(["rank", *NAMES], *[[i, *row] for i, row in enumerate(ROWS)]),
    "two-ids.csv": as_csv(["item_id", "uid", *NAMES], *[[i, i, *row] for i, row in enumerate(ROWS)]),
    "latin.csv": "é,1\n".encode("latin-1"), "bytes.csv": bytes(range(256)),
}
GOOD = {
    "half.npy": as_npy(changed(0, 1).astype(np.float16)), "big-endian.npy": as_npy(changed(0, 1).astype(">f4")),
    "columns-first.npy": as_npy(np.asfortranarray(changed(0, 1))), "whole.npy": as_npy((100 * changed(0, 1)).astype(np.int16)),
    "plain.csv": as_csv(*ROWS), "named.csv": as_csv(NAMES, *ROWS), "counted.csv": as_csv([0, 1, 2, 3], *ROWS),
    "pandas.csv": as_csv(["", 0, 1, 2, 3], *[[i, *row] for i, row in enumerate(ROWS)]),
    "ids.csv": as_csv(["item_id", *NAMES], *[[f'"a, {i}"', *row] for i, row in enumerate(ROWS)]),
    "tabs.tsv": as_csv(NAMES, *ROWS).replace(b",", b"\t"), "marked.csv": b"\xef\xbb\xbf" + as_csv(NAMES, *ROWS),
    "windows.csv": as_csv(NAMES, *ROWS).replace(b"\n", b"\r\n"),
}


def dropped(page, name, content):
    """What the page's worker answers to one file of items."""
    return page.evaluate("""([name, text]) => new Promise((answer) => {
        const worker = new Worker(URL.createObjectURL(new Blob([document.getElementById("worker").textContent])));
        worker.onmessage = ({ data }) => data.failed ? answer(data.failed) : data.found && answer([data.found.items, data.found.dimensions]);
        const buffer = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
        worker.postMessage({ items: { name, buffer }, thresholds: { stable: 0.8, balanced: 0.95 } });
    })""", [name, base64.b64encode(content).decode()])


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_the_line_that_the_command_gives(name, opened, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(BAD[name])
    with pytest.raises(ValueError) as complaint:
        read_model(name)
    assert dropped(opened, name, BAD[name]) == str(complaint.value)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_is_read_as_the_command_reads_it(name, opened, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(GOOD[name])
    expected = audit(read_model(name))
    items, dimensions = dropped(opened, name, GOOD[name])
    assert items == expected.n_items
    assert dimensions == pytest.approx(expected["dimensions"].value, rel=1e-6)


def test_a_bad_file_is_said_on_the_page(visit, tmp_path):
    page = visit()
    (tmp_path / "nan.npy").write_bytes(BAD["nan.npy"])
    page.set_input_files("#items-file", tmp_path / "nan.npy")
    page.wait_for_selector("html[data-audited=failed]")
    assert page.locator("#said").inner_text() == "nan.npy: NaN or infinite numbers, first in row 7, column 2"
    assert not page.locator("#found").is_visible()


# How it is made, and for whom


def test_the_page_may_not_connect_to_anything():
    assert "default-src 'none'" in TEXT
    for word in ("fetch(", "XMLHttpRequest", "WebSocket", "<link", "<img", "src=\"http"):
        assert word not in TEXT, word


def test_the_page_is_made_of_what_is_committed():
    """The same bytes: the experiment drawn anew, and what notebook 09 recorded."""
    records = json.loads((PAGE.parents[1] / "paper/generated/09-attainable-cosines.json").read_text(encoding="utf-8"))
    best, worst = ([float(x) for x in records["vectors"][f"attainable-{end}-log-d"].split()] for end in ("best", "worst"))
    assert page(numbers(best, worst)) == TEXT


def test_the_page_is_small():
    assert len(TEXT.encode()) < 1_000_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800, 1280])
def test_no_barrier_is_found(width, scheme, visit):
    axe = needed("axe_playwright_python.sync_playwright", "browser")
    page = visit("#at=worse", width=width, color_scheme=scheme)
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window"
