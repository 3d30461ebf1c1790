//! The files of the page, which are in the program. A request names one of them exactly, or gets nothing.

/// One file: its path in the address, its media type, and its text.
pub struct File {
    /// The path, as in the address.
    pub path: &'static str,
    /// The media type.
    pub kind: &'static str,
    /// What is in it.
    pub text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
/// The media type of a script.
pub const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($path:literal, $kind:expr, $file:literal;)*) => {
        /// All of them.
        pub const FILES: &[File] = &[
            $(File { path: $path, kind: $kind, text: include_str!(concat!("page/", $file)) },)*
        ];
    };
}

files! {
    "/", HTML, "index.html";
    "/style.css", CSS, "style.css";
    "/icon.svg", "image/svg+xml", "icon.svg";
    "/main.js", SCRIPT, "main.js";
    "/server.js", SCRIPT, "server.js";
    "/make.js", SCRIPT, "make.js";
    "/board.js", SCRIPT, "board.js";
    "/map.js", SCRIPT, "map.js";
    "/matrix.js", SCRIPT, "matrix.js";
    "/review.js", SCRIPT, "review.js";
    "/conflict.js", SCRIPT, "conflict.js";
    "/words.js", SCRIPT, "words.js";
    "/dialogs.js", SCRIPT, "dialogs.js";
    "/keys.js", SCRIPT, "keys.js";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_from_elsewhere_and_makes_no_html_of_texts() {
        for File { path, text, .. } in FILES {
            for banned in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "https://",
                " style=",
                " onclick=",
            ] {
                assert!(!text.contains(banned), "{path} has {banned}");
            }
            let inline = text.contains("<script>") || text.contains("<style");
            assert!(!inline, "{path} has what its own rules forbid");
        }
    }
}
