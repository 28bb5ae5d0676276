//! The colours of the classes of answers.

use super::lanes::NOT_SENT;
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
    put!(
        page,
        "<span><i class=\"answer-{}\"></i>not sent</span>",
        NOT_SENT
    );
    page.raw("</div>");
}
