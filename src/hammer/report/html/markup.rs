//! Markup under construction, with escaping by construction.
//!
//! The strings of a history come from a target or from a foreign file. A string gets into
//! [`Markup`] either as a literal or as an argument of [`put!`], which escapes it.

use std::fmt::{self, Display, Write};

/// HTML or SVG under construction.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Appends a literal.
    pub(super) fn raw(&mut self, literal: &'static str) {
        self.0.push_str(literal);
    }

    /// Appends other markup.
    pub(super) fn append(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    /// Appends formatted text whose arguments are escaped. For [`put!`] only.
    pub(super) fn write(&mut self, text: fmt::Arguments<'_>) {
        self.0
            .write_fmt(text)
            .expect("writing to a String cannot fail");
    }

    /// The finished markup.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Appends a literal format string to [`Markup`], with every argument escaped.
macro_rules! put {
    ($markup:expr, $format:literal $(, $argument:expr)* $(,)?) => {
        // `concat!` rejects captured identifiers such as `{key}`, which would not be escaped.
        $markup.write(format_args!(
            concat!($format)
            $(, $crate::hammer::report::html::markup::Escaped(&$argument))*
        ))
    };
}
pub(super) use put;

/// A value that is displayed with `<`, `>`, `&` and quotes escaped. Respects a precision.
pub(super) struct Escaped<'a, T: ?Sized>(pub(super) &'a T);

impl<T: Display + ?Sized> Display for Escaped<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match f.precision() {
            Some(precision) => format!("{:.precision$}", self.0),
            None => self.0.to_string(),
        };
        for letter in text.chars() {
            match letter {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_cannot_become_markup() {
        let mut markup = Markup::default();
        put!(markup, "<i title='{}'>{}</i>", "a'b", "<script src=\"x\">&");
        put!(markup, "<b>{:.1}</b>", 1.25);
        assert_eq!(
            markup.into_string(),
            "<i title='a&#39;b'>&lt;script src=&quot;x&quot;&gt;&amp;</i><b>1.2</b>"
        );
    }
}
