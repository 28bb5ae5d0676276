//! The Swagger UI: one page with everything inlined, which loads nothing from elsewhere.

use super::document;

/// The start of the document that the framework renders, which has no doctype and no language.
const HEAD: &str = "<html charset=\"UTF-8\">";

/// Without a doctype browsers render the page in quirks mode, and without a viewport a phone shows
/// it as wide as a desk.
const OUR_HEAD: &str = "<!DOCTYPE html><html lang=\"en\">";

const TITLE: &str = "<title>Swagger UI</title>";

const OUR_TITLE: &str = concat!(
    "<title>orders</title>",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
    // Inlined, so that no browser asks for /favicon.ico.
    "<link rel=\"icon\" href=\"data:image/svg+xml,",
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E",
    "%3Crect width='32' height='32' rx='7' fill='%231a7f4b'/%3E",
    "%3Cpath d='M9 17l5 5 9-12' fill='none' stroke='white' stroke-width='4'/%3E%3C/svg%3E\">",
);

const STYLE_END: &str = "</style>";

/// Corrections of the style of Swagger UI.
const OUR_STYLE: &str = concat!("\n", include_str!("docs.css"), "</style>");

const SPEC_END: &str = "let oauth2RedirectUrl;";

/// Runs between the document and the user interface.
const OUR_SCRIPT: &str = concat!(include_str!("docs.js"), "let oauth2RedirectUrl;");

/// Renders the page.
pub(super) fn page() -> String {
    let (rendered, spec) = document::rendered();
    let page = rendered.trim_start().replace(&spec, &document::json_line());
    let corrections = [
        (HEAD, OUR_HEAD),
        (TITLE, OUR_TITLE),
        (STYLE_END, OUR_STYLE),
        (SPEC_END, OUR_SCRIPT),
        ("<div id=\"ui\"></div>", "<main id=\"ui\"></main>"),
    ];
    corrections.iter().fold(page, |page, (theirs, ours)| {
        // The first occurrence is that of the template: everything before it is known.
        page.replacen(theirs, ours, 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new version of the framework may render another page.
    #[test]
    fn every_correction_is_in_the_page() {
        let page = page();
        for ours in [
            OUR_HEAD,
            OUR_TITLE,
            OUR_STYLE,
            OUR_SCRIPT,
            "<main id=\"ui\">",
        ] {
            assert_eq!(page.matches(ours).count(), 1, "{ours}");
        }
        assert!(page.trim_start().starts_with(OUR_HEAD));
        let in_order = [OUR_HEAD, OUR_TITLE, OUR_STYLE, OUR_SCRIPT];
        let places = in_order.map(|ours| page.find(ours).unwrap());
        assert!(places.is_sorted(), "{places:?}");
    }
}
