//! The colours of the classes of answers.

use super::markup::{Markup, put};
use crate::hammer::judge::AnswerClass;

/// Appends a legend of all classes.
pub(super) fn legend(page: &mut Markup) {
    page.raw("<div class=\"legend\">");
    for class in AnswerClass::ALL {
        put!(
            page,
            "<span><i class=\"answer-{}\"></i>{}</span>",
            class.name(),
            class.name()
        );
    }
    page.raw("</div>");
}
