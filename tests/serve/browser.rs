//! The page in a real browser: live, with the keys alone, and deaf to whatever the repository's texts try.

use serde_json::json;

use super::FILE;
use super::TRAP;
use super::driver::Browser;
use super::driver::DELETE;
use super::driver::ENTER;
use super::driver::ESCAPE;
use super::lab;
use super::numbered;
use super::served::Served;
use super::support;

const OPEN: &str = "document.getElementById('count')?.textContent";

/// A browser that shows the board, live.
fn at_the_board(served: &Served) -> Browser {
    let browser = Browser::start();
    browser.open(served.url());
    browser.until(
        "document.querySelector('table.matrix') && document.getElementById('live').textContent === 'live'",
    );
    browser
}

/// Goes to the review of `work` by its link, found with Tab as people do who use no mouse.
fn to_the_review(browser: &Browser) {
    for _ in 0..20 {
        browser.press("\u{e004}");
        if browser.value("document.activeElement.getAttribute('href')") == "#/review/work" {
            browser.press(&ENTER.to_string());
            browser.until("document.querySelector('.version pre')");
            return;
        }
    }
    panic!("the link to the review cannot be reached with Tab");
}

#[test]
fn a_conflict_is_settled_with_the_keys_alone_and_the_commit_is_what_git_would_make() {
    let lab = lab();
    // What a person with git alone would commit.
    lab.git_in(lab.root(), &["clone", "--quiet", "main", "by-hand"]);
    let by_hand = lab.root().join("by-hand");
    let merge = lab.try_git_in(&by_hand, &["merge", "--quiet", "--no-commit", "origin/odyssey/work"]);
    assert_eq!(merge.code, 1, "{merge:#?}");
    let others = [
        (2, "work's second"),
        (5, "work's fifth"),
        (12, "work's twelfth\nmain's twelfth"),
        (20, "my own <last>"),
    ];
    support::write(&by_hand.join(FILE), numbered(&others));
    support::write(&by_hand.join(TRAP), "<b id=bold>main's</b>\n");
    lab.git_in(&by_hand, &["add", "--all"]);
    let wanted = lab.git_in(&by_hand, &["write-tree"]);
    let (main, work) = (lab.git(&["rev-parse", "main"]), lab.git(&["rev-parse", "odyssey/work"]));

    let served = Served::start(&lab);
    let browser = at_the_board(&served);
    to_the_review(&browser);
    let settled = |keys: &str, left: &str| {
        browser.press(keys);
        browser.until(&format!("{OPEN} === '{left}'"));
    };
    browser.until(&format!("{OPEN} === '4 of 4 open'"));
    // The file with the strange name comes first.
    browser.until("document.querySelector('.panel h2').textContent.includes('onerror')");
    settled("a", "3 of 4 open");
    settled("u", "4 of 4 open");
    settled("r", "3 of 4 open");
    settled("o", "3 of 4 open");
    browser.until("document.querySelector('.decision').textContent.includes('ours')");
    browser.press("n");
    settled("t", "2 of 4 open");
    settled("B", "1 of 4 open");
    // An end is refused while something is open, and the dialog says so.
    browser.press("f");
    browser.until("document.querySelector('dialog[open]')");
    browser.press(&ENTER.to_string());
    browser.until(
        "document.querySelector('dialog [role=alert]').textContent.includes('1 conflict to be decided')",
    );
    browser.press(&ESCAPE.to_string());
    browser.until("!document.querySelector('dialog')");
    // A text that was begun is there again after the dialog was closed.
    browser.press("e");
    browser.until("document.querySelector('dialog textarea')?.value === \"main's last\\n\"");
    browser.press_with_control('a');
    browser.press(&format!("my own <last>{ENTER}{ESCAPE}"));
    browser.until("!document.querySelector('dialog')");
    browser.press("e");
    browser.until("document.querySelector('dialog textarea')?.value === 'my own <last>\\n'");
    browser.press_with_control(ENTER);
    browser.until(&format!("{OPEN} === '✓ all decided'"));
    // A search leaves what is like it, and Enter goes there.
    browser.press("/twelfth");
    browser.until("document.querySelectorAll('.list button.item').length === 1");
    browser.press(&ENTER.to_string());
    browser.until("document.querySelector('.decision').textContent.includes('both-reversed')");
    browser.press("/");
    browser.press_with_control('a');
    browser.press(&format!("{DELETE}{ESCAPE}"));
    browser.until("document.querySelectorAll('.list button.item').length === 4");
    browser.press("c");
    browser.until("document.querySelector('dialog input')");
    browser.press(&format!("neither was right{ENTER}"));
    browser.until("document.querySelector('.decision').textContent.includes('because: neither was right')");
    browser.press("v");
    browser.until("document.querySelector('dialog pre')?.textContent.includes('my own <last>')");
    browser.press(&ESCAPE.to_string());
    browser.until("!document.querySelector('dialog')");
    browser.press("x");
    browser.until("document.querySelector('dialog form')");
    browser.press_with_control('a');
    browser.press(&format!("sh -c 'echo looked at; wc -l src/login.txt'{ENTER}"));
    browser.until("document.querySelector('.output').textContent.includes('passed')");
    browser.until("document.querySelector('.output pre').textContent.includes('looked at')");
    browser.press(&ESCAPE.to_string());
    browser.until("!document.querySelector('dialog')");
    browser.press("f");
    browser.until("document.querySelector('dialog[open]')");
    browser.press(&ENTER.to_string());
    browser.until("location.hash === '#/board' && document.getElementById('said').textContent.includes('has landed on main')");

    assert_eq!(lab.git(&["rev-parse", "main^{tree}"]), wanted);
    assert_eq!(lab.git(&["show", "--no-patch", "--format=%P", "main"]), format!("{main} {work}"));
    let message = lab.git(&["show", "--no-patch", "--format=%B", "main"]);
    assert!(message.contains("by review (Ada: neither was right)"), "{message}");
    assert_eq!(lab.git(&["status", "--porcelain"]), "");
    assert_eq!(browser.complaints(), [json!(null); 0]);
}

#[test]
fn texts_of_the_repository_stay_texts_and_the_token_leaves_the_address() {
    let lab = lab();
    let served = Served::start(&lab);
    let browser = at_the_board(&served);
    assert_eq!(browser.value("location.hash"), "#/board");
    assert!(!browser.value("document.documentElement.outerHTML").as_str().unwrap().contains(&served.token));
    to_the_review(&browser);
    browser.until("document.querySelector('.version.ours pre').textContent === \"<b id=bold>main's</b>\\n\"");
    browser.until("document.querySelector('.version.theirs pre').textContent.startsWith('<script>')");
    for foreign in ["main img", "main b", "main script", "#bold", "main svg"] {
        assert_eq!(browser.value(&format!("document.querySelectorAll('{foreign}').length")), 0, "{foreign}");
    }
    assert_eq!(browser.value("document.title"), "review work · git odyssey");
    // Even what reached the page by a mistake of ours would not run.
    let stopped =
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return false } catch { return true } })()";
    assert_eq!(browser.value(stopped), true);
    // The tab has the token still, and another has not.
    browser.open(&format!("http://127.0.0.1:{}/#/board", served.port));
    browser.until("document.querySelector('table.matrix')");
    let other = Browser::start();
    other.open(&format!("http://127.0.0.1:{}/", served.port));
    other.until("document.querySelector('h1').textContent === 'Nobody is let in without the token'");
    assert_eq!(other.complaints(), [json!(null); 0]);
}

#[test]
fn what_happens_elsewhere_is_seen_without_being_asked_for() {
    let lab = lab();
    let served = Served::start(&lab);
    let browser = at_the_board(&served);
    lab.odyssey(&["claim", "docs", "--region", "docs/**"]).ok();
    browser.until("[...document.querySelectorAll('.card h3')].some((title) => title.textContent === 'docs')");
    browser.until("[...document.querySelectorAll('.events li')].some((past) => past.textContent.includes('claim docs'))");
    to_the_review(&browser);
    browser.until(&format!("{OPEN} === '4 of 4 open'"));
    lab.odyssey(&["review", "work", "--take", FILE, "theirs"]).ok();
    browser.until(&format!("{OPEN} === '1 of 4 open'"));
    assert_eq!(served.end().code, 0);
    browser.until("document.getElementById('live').textContent === 'not live'");
    browser.until("document.getElementById('trouble').textContent.includes('git odyssey serve')");
}

/// The worst contrast of texts on what is behind them, as the web's guidelines count it, and whose it is.
const CONTRAST: &str = r"(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const numbers = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => {
        const part = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
        return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = numbers(getComputedStyle(at).backgroundColor);
            if (colour[3] === 255) return colour;
        }
        return numbers('white');
    };
    let worst = [99, ''];
    for (const element of document.querySelectorAll('body *')) {
        const said = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
        if (!said || element.closest('noscript, script, .said') || !element.checkVisibility()) continue;
        const [one, other] = [light(numbers(getComputedStyle(element).color)), light(behind(element))];
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (ratio < worst[0]) worst = [ratio, element.outerHTML.slice(0, 200)];
    }
    return worst;
})()";

/// Whatever can be used and has no name for those who listen.
const NAMELESS: &str = r"[...document.querySelectorAll('button, a, input, textarea, summary, dialog, nav, [tabindex]:not([tabindex=\'-1\'])')]
    .filter((element) => !(element.textContent.trim() || element.getAttribute('aria-label') || element.labels?.length || element.getAttribute('aria-labelledby')))
    .map((element) => element.outerHTML.slice(0, 200))";

#[test]
fn it_can_be_read_and_used_at_any_width_in_light_and_in_dark() {
    let lab = lab();
    let served = Served::start(&lab);
    let browser = at_the_board(&served);
    let looked_at = |view: &str| {
        for width in [360, 800, 1400] {
            for scheme in ["light", "dark"] {
                browser.look(width, scheme);
                let wide = browser.value("document.documentElement.scrollWidth").as_u64().unwrap();
                assert!(wide <= width.into(), "{view} at {width} is {wide} wide");
                let worst = browser.value(CONTRAST);
                assert!(worst[0].as_f64().unwrap() >= 4.5, "{view} in {scheme}: {worst}");
                assert_eq!(browser.value(NAMELESS), json!([]), "{view}");
            }
        }
    };
    looked_at("the board");
    browser.look(1200, "light");
    to_the_review(&browser);
    looked_at("a review");
    browser.press("t");
    browser.until(&format!("{OPEN} === '3 of 4 open'"));
    looked_at("a decision");
    for (key, dialog) in [("?", "the help"), ("e", "the editor"), ("f", "the end")] {
        browser.press(key);
        browser.until("document.querySelector('dialog[open]')");
        assert_eq!(
            browser.value("document.querySelector('dialog').contains(document.activeElement)"),
            true,
            "{dialog}"
        );
        looked_at(dialog);
        browser.press(&ESCAPE.to_string());
        browser.until("!document.querySelector('dialog')");
    }
    // Whoever moves with Tab sees where they are.
    browser.press("\u{e004}");
    let outline = browser.value("getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(outline, "solid", "{}", browser.value("document.activeElement.outerHTML"));
}
