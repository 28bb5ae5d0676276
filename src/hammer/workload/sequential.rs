//! Scenarios that test the rules of the contract with one request after another.

use super::builder::CaseBuilder;
use super::payload::{Payload, Spelling};
use super::plan::{PlannedAttempt, RequestKind, Round};

/// One rule of the contract per case. From the first answers the checker learns the dialect of
/// the target.
pub(super) fn contract(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let attempt = builder.attempt(0);
    match builder.number % 7 {
        0 => replay_and_mismatch(&attempt),
        1 => refused_keys(builder, &[(RequestKind::MissingKey, vec![])]),
        2 => refused_keys(
            builder,
            &[
                (RequestKind::BlankKey, vec![b"".to_vec()]),
                (RequestKind::BlankKey, vec![b"   ".to_vec()]),
            ],
        ),
        3 => {
            let long = format!("{:x<256}", builder.key("long-")).into_bytes();
            let not_ascii = [builder.key("k").as_bytes(), &[0xc3, 0xa9]].concat();
            refused_keys(
                builder,
                &[
                    (RequestKind::BadKey, vec![long]),
                    (RequestKind::BadKey, vec![not_ascii]),
                ],
            )
        }
        4 => {
            let two = ["one", "two"].map(|label| builder.key(label).into_bytes());
            refused_keys(builder, &[(RequestKind::TwoKeys, two.to_vec())])
        }
        5 => {
            let mut quoted = attempt.clone().with_kind(RequestKind::QuotedKey);
            quoted.key_headers = vec![[b"\"", attempt.key_headers[0].as_slice(), b"\""].concat()];
            vec![Round::single(attempt), Round::single(quoted)]
        }
        _ => {
            let broken = attempt.payload.spelled(Spelling::Broken);
            let invalid = attempt
                .clone()
                .with_kind(RequestKind::BadBody)
                .with_payload(broken);
            vec![Round::single(invalid), Round::single(attempt)]
        }
    }
}

/// A fresh order, its replay, every kind of mismatch, every spelling, and one more replay.
fn replay_and_mismatch(attempt: &PlannedAttempt) -> Vec<Round> {
    let first = &attempt.payload;
    let mut payloads = vec![
        first.clone(),
        first.clone(),
        first.other_quantity(),
        first.other_item(),
    ];
    payloads.extend(Spelling::OTHERS.map(|spelling| first.spelled(spelling)));
    payloads.push(first.clone());
    payloads
        .into_iter()
        .map(|payload| Round::single(attempt.clone().with_payload(payload)))
        .collect()
}

/// One request for each of the given key headers.
fn refused_keys(
    builder: &mut CaseBuilder<'_>,
    requests: &[(RequestKind, Vec<Vec<u8>>)],
) -> Vec<Round> {
    (0..)
        .zip(requests)
        .map(|(index, (kind, key_headers))| {
            let mut attempt = builder.attempt(index).with_kind(*kind);
            attempt.key_headers.clone_from(key_headers);
            Round::single(attempt)
        })
        .collect()
}

/// A different payload after the first was answered, then the first again.
pub(super) fn mismatch(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let first = builder.attempt(0);
    let other = if builder.rng.chance(50) {
        first.payload.other_quantity()
    } else {
        first.payload.other_item()
    };
    let other = first.clone().with_payload(other);
    [first.clone(), other, first]
        .map(|attempt| Round::single(attempt.on_instance(builder.instance())))
        .into()
}

/// One order in all spellings: together in half of the cases, then one after another.
pub(super) fn same_json(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let gate = builder.gate();
    let plain = builder.attempt(0).with_gate(gate);
    let spelled = Spelling::OTHERS.map(|spelling| {
        let payload = plain.payload.spelled(spelling);
        plain.clone().with_payload(payload)
    });
    let mut rounds = if builder.rng.chance(50) {
        vec![Round::of([vec![plain.clone()], spelled.to_vec()].concat())]
    } else {
        vec![Round::single(plain)]
    };
    let chosen = builder.rng.pick(&[0, 1, 2, 3]);
    rounds.push(Round::single(spelled[chosen].clone()));
    rounds
}

/// Two to four keys that a careless comparison takes for one: together or one after another, then
/// all again.
pub(super) fn near_twins(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let base = builder.key(&builder.label(0));
    let keys: Vec<String> = match builder.number % 6 {
        0 => vec![base.clone() + "-aa", base.clone() + "-AA", base + "-aA"],
        1 => {
            // The longest comes first, because it exposes every column that is too short.
            let length = [255, 64, 128, 36, 200, 65][builder.number as usize / 6 % 6];
            let stem = format!("{base:x<254}");
            ["a", "b"]
                .map(|end| stem[..length - 1].to_owned() + end)
                .into()
        }
        2 => vec![
            base.clone(),
            base.clone() + "0",
            base.clone() + ".",
            base + ":0",
        ],
        3 => ["_", "%", "x", "*"]
            .map(|mark| format!("{base}{mark}z"))
            .into(),
        4 => ["'--", "\\0", "%00", "+"]
            .map(|mark| format!("{base}{mark}"))
            .into(),
        _ => vec![base.clone() + "-1", base + "-2"],
    };
    // The last group always shares a payload: two keys are two orders, however alike.
    let shared = builder.payload(&builder.label(0));
    let same = builder.number % 6 == 5 || builder.rng.chance(30);
    let attempts: Vec<PlannedAttempt> = (0..)
        .zip(keys)
        .map(|(index, key)| {
            let label = builder.label(index);
            let payload: Payload = if same {
                shared.clone()
            } else {
                builder.payload(&label)
            };
            PlannedAttempt::place(&label, &key, payload).on_instance(builder.instance())
        })
        .collect();
    let again = attempts.clone().into_iter().map(Round::single);
    let first: Vec<Round> = if builder.rng.chance(50) {
        vec![Round::of(attempts)]
    } else {
        attempts.into_iter().map(Round::single).collect()
    };
    first.into_iter().chain(again).collect()
}
