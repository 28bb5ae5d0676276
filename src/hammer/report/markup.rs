//! Escaping of text in HTML and SVG.

/// Text for a page.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_target_answers_cannot_become_markup() {
        assert_eq!(
            escape("<script src=\"x\">&"),
            "&lt;script src=&quot;x&quot;&gt;&amp;"
        );
    }
}
