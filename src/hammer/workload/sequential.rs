//! Scenarios about what the contract says to one request after another.

use super::builder::CaseBuilder;
use super::payload::{Payload, Spelling};
use super::plan::{PlannedAttempt, RequestKind, Round};

/// One question to the contract per case; the first answers teach the checker which of the
/// choices that the contract leaves open this target has made.
pub(super) fn contract(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let attempt = builder.attempt(0);
    match builder.number % 7 {
        0 => replay_and_mismatch(attempt),
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
            let foreign = [builder.key("k").as_bytes(), &[0xc3, 0xa9]].concat();
            refused_keys(
                builder,
                &[
                    (RequestKind::BadKey, vec![long]),
                    (RequestKind::BadKey, vec![foreign]),
                ],
            )
        }
        4 => {
            let lines = vec![
                builder.key("one").into_bytes(),
                builder.key("two").into_bytes(),
            ];
            refused_keys(builder, &[(RequestKind::TwoKeys, lines)])
        }
        5 => {
            let mut quoted = attempt.clone().with_kind(RequestKind::QuotedKey);
            quoted.lines = vec![[b"\"", attempt.lines[0].as_slice(), b"\""].concat()];
            vec![Round::single(attempt), Round::single(quoted)]
        }
        _ => {
            let mut broken = attempt.clone().with_kind(RequestKind::BadBody);
            broken.payload = broken.payload.spelled(Spelling::Broken);
            vec![Round::single(broken), Round::single(attempt)]
        }
    }
}

fn replay_and_mismatch(attempt: PlannedAttempt) -> Vec<Round> {
    let mut attempts = vec![attempt.clone(), attempt.clone()];
    for payload in [
        attempt.payload.other_quantity(),
        attempt.payload.other_item(),
    ] {
        attempts.push(PlannedAttempt {
            payload,
            ..attempt.clone()
        });
    }
    for spelling in Spelling::OTHERS {
        attempts.push(PlannedAttempt {
            payload: attempt.payload.spelled(spelling),
            ..attempt.clone()
        });
    }
    attempts.push(attempt);
    attempts.into_iter().map(Round::single).collect()
}

fn refused_keys(builder: &mut CaseBuilder<'_>, asks: &[(RequestKind, Vec<Vec<u8>>)]) -> Vec<Round> {
    (0..)
        .zip(asks)
        .map(|(index, (ask, lines))| {
            let mut attempt = builder.attempt(index).with_kind(*ask);
            attempt.lines.clone_from(lines);
            Round::single(attempt)
        })
        .collect()
}

/// Another payload after the first was answered; then the first again, which must be unharmed.
pub(super) fn mismatch(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let first = builder.attempt(0);
    let mut other = first.clone();
    other.payload = if builder.rng.chance(50) {
        first.payload.other_quantity()
    } else {
        first.payload.other_item()
    };
    [first.clone(), other, first]
        .map(|attempt| Round::single(attempt.on_instance(builder.instance())))
        .into()
}

/// One order in all spellings: at once in half of the cases, then one after another.
pub(super) fn same_json(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let gate = builder.gate();
    let plain = builder.attempt(0).with_gate(gate);
    let spelled = Spelling::OTHERS.map(|spelling| PlannedAttempt {
        payload: plain.payload.spelled(spelling),
        ..plain.clone()
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

/// Two to four keys that a sloppy comparison takes for one: all at once, then all again.
pub(super) fn near_twins(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let base = builder.key(&builder.label(0));
    let keys: Vec<String> = match builder.number % 6 {
        0 => vec![base.clone() + "-aa", base.clone() + "-AA", base + "-aA"],
        1 => {
            // The longest first: it finds every column that is too short.
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
    // The last kind shares its payload: two keys are two orders, however alike.
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
