//! Events as CloudEvents 1.0 in their JSON format.

use humantime::format_rfc3339_millis;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Event;

/// Media type of [`structured`].
pub(super) const STRUCTURED: &str = "application/cloudevents+json; charset=utf-8";

/// Media type of the details.
pub(super) const DATA: &str = "application/json";

/// Version of the specification.
pub(super) const VERSION: &str = "1.0";

#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'a str,
    id: Uuid,
    source: &'a str,
    r#type: &'a str,
    subject: Uuid,
    time: String,
    datacontenttype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    data: &'a RawValue,
}

/// The time of an event, as RFC 3339.
pub(super) fn time(event: &Event) -> String {
    format_rfc3339_millis(event.time()).to_string()
}

/// The event with its attributes, as one JSON object in one line. Always the same bytes for an event.
pub(super) fn structured(event: &Event) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Envelope {
        specversion: VERSION,
        id: event.id,
        source: &event.source,
        r#type: &event.event_type,
        subject: event.subject,
        time: time(event),
        datacontenttype: DATA,
        tenant: event.tenant.as_deref(),
        data: serde_json::from_slice(&event.data)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_cloud_event() {
        // 2026-11-30T12:00:00.123Z
        let id = "019ad4a5-a07b-7000-8000-000000000001".parse().unwrap();
        let subject = Uuid::from_u128(7);
        let event = Event {
            id,
            ..Event::new(
                "/orders",
                "orders.order.placed",
                subject,
                r#"{"a":1.0}"#.into(),
            )
        };
        let text = String::from_utf8(structured(&event).unwrap()).unwrap();
        let time = time(&event);
        assert!(time.ends_with('Z') && time.len() == 24, "{time}");
        assert_eq!(
            text,
            format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"/orders","type":"orders.order.placed","subject":"{subject}","time":"{time}","datacontenttype":"application/json","data":{{"a":1.0}}}}"#
            )
        );
        let event = event.of_tenant(Some("acme".to_owned()));
        let text = String::from_utf8(structured(&event).unwrap()).unwrap();
        assert!(text.contains(r#""tenant":"acme","data""#), "{text}");
    }
}
