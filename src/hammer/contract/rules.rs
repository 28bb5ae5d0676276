//! The rules of a contract that its types do not express.

use std::ops::RangeInclusive;

use super::Contract;

/// A member that breaks a rule: its path and the rule.
pub(super) type Broken = (Vec<&'static str>, String);

const SUCCESS: RangeInclusive<u16> = 200..=299;
const REFUSAL: RangeInclusive<u16> = 400..=499;
const ANSWER: RangeInclusive<u16> = 200..=599;
const SETTLED: RangeInclusive<u16> = 200..=499;

/// The first member that breaks a rule.
pub(super) fn broken(contract: &Contract) -> Option<Broken> {
    request(contract)
        .or_else(|| statuses(contract))
        .or_else(|| pointers(contract))
        .or_else(|| marks(contract))
        .or_else(|| stored(contract))
}

fn request(contract: &Contract) -> Option<Broken> {
    let request = &contract.request;
    let at = |member, rule: &str| Some((vec!["request", member], rule.to_owned()));
    if !is_path(&request.path) {
        return at(
            "path",
            "expected a path that begins with / and has no spaces",
        );
    }
    if !is_token(&request.key_header) {
        return at("key_header", "expected the name of a header");
    }
    if request.content_type.trim().is_empty() || !is_value(&request.content_type) {
        return at("content_type", "expected a media type");
    }
    for (name, value) in &request.headers {
        if !is_token(name) || !is_value(value) {
            return at(
                "headers",
                "expected names of headers and values without control characters",
            );
        }
        let taken = [
            "host",
            "content-length",
            "content-type",
            &request.key_header,
        ];
        if taken.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return at(
                "headers",
                "Host, Content-Length, Content-Type and the key header are set by the hammer",
            );
        }
    }
    if request.content_type.contains("json") && !request.body.is_json() {
        return at(
            "body",
            "expected JSON once {{marker}} and {{number}} are filled in",
        );
    }
    None
}

fn statuses(contract: &Contract) -> Option<Broken> {
    let response = &contract.response;
    let lists = [
        ("fresh", &response.fresh, SUCCESS, false),
        ("replay", &response.replay, SETTLED, false),
        ("mismatch", &response.mismatch, REFUSAL, true),
        ("in_flight", &response.in_flight, ANSWER, true),
        ("missing_key", &response.missing_key, REFUSAL, true),
    ];
    for (member, list, range, may_be_empty) in lists {
        let Some(list) = list else { continue };
        let rule = if let Some(status) = list.iter().find(|status| !range.contains(status)) {
            format!(
                "expected statuses from {} to {}, not {status}",
                range.start(),
                range.end()
            )
        } else if list.is_empty() && !may_be_empty {
            "expected at least one status".to_owned()
        } else {
            continue;
        };
        return Some((vec!["response", member], rule));
    }
    None
}

fn pointers(contract: &Contract) -> Option<Broken> {
    let response = &contract.response;
    let mut pointers = vec![
        (vec!["response", "id"], response.id.as_ref()),
        (
            vec!["response", "echo", "marker"],
            response.echo.marker.as_ref(),
        ),
        (
            vec!["response", "echo", "number"],
            response.echo.number.as_ref(),
        ),
    ];
    if let Some(stored) = &contract.stored {
        pointers.extend([
            (vec!["stored", "items"], Some(&stored.items)),
            (vec!["stored", "next"], stored.next.as_ref()),
            (vec!["stored", "id"], Some(&stored.id)),
            (vec!["stored", "marker"], stored.marker.as_ref()),
            (vec!["stored", "number"], stored.number.as_ref()),
        ]);
    }
    let wrong = pointers
        .into_iter()
        .find(|(_, pointer)| pointer.is_some_and(|one| !is_pointer(one)));
    wrong.map(|(member, _)| {
        let rule = "expected a JSON pointer (RFC 6901): \"\" or / and names, such as /data/id";
        (member, rule.to_owned())
    })
}

fn marks(contract: &Contract) -> Option<Broken> {
    contract.response.replayed_header.as_ref()?;
    let is_line = |(name, value)| is_token(name) && is_value(value) && !value.is_empty();
    if contract.response.mark().is_some_and(is_line) {
        return None;
    }
    let rule = "expected a header line, such as Idempotent-Replayed: true";
    Some((vec!["response", "replayed_header"], rule.to_owned()))
}

fn stored(contract: &Contract) -> Option<Broken> {
    let stored = contract.stored.as_ref()?;
    let at = |member: Option<&'static str>, rule: &str| {
        let path = std::iter::once("stored").chain(member);
        Some((path.collect(), rule.to_owned()))
    };
    match (&stored.list, &stored.sql) {
        (None, None) => return at(None, "expected list, sql or both"),
        (Some(list), _) if !is_path(list) => {
            return at(
                Some("list"),
                "expected a path that begins with / and has no spaces",
            );
        }
        _ => {}
    }
    match (&stored.next, &stored.cursor) {
        (Some(_), None) => {
            return at(
                Some("next"),
                "next needs cursor, the query parameter that takes it",
            );
        }
        (None, Some(_)) => {
            return at(
                Some("cursor"),
                "cursor needs next, a JSON pointer to its value",
            );
        }
        (_, Some(cursor)) if cursor.is_empty() || !cursor.bytes().all(is_name) => {
            return at(Some("cursor"), "expected the name of a query parameter");
        }
        _ => {}
    }
    let is_query = |sql: &String| {
        let word = sql.trim_start().get(..6).unwrap_or_default();
        word.eq_ignore_ascii_case("select") && !sql.trim_end().trim_end_matches(';').contains(';')
    };
    if stored.sql.as_ref().is_some_and(|sql| !is_query(sql)) {
        return at(Some("sql"), "expected one SELECT of identity and marker");
    }
    None
}

fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

fn is_pointer(text: &str) -> bool {
    let mut parts = text.split('~').skip(1);
    let escapes_are_known = parts.all(|part| part.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escapes_are_known
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_name)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%'*+-.^_`|~[]".contains(&byte)
}

fn is_value(text: &str) -> bool {
    !text.bytes().any(|byte| byte < 0x20 || byte == 0x7f)
}
