//! Scenarios about what the contract says to one request after another.

use super::payload::{Payload, Spelling};
use super::{Ask, Maker, Round, Shot};

/// One question to the contract per case; the first answers teach the checker which of the
/// choices that the contract leaves open this target has made.
pub(super) fn contract(maker: &mut Maker<'_>) -> Vec<Round> {
    let shot = maker.shot(0);
    match maker.number % 7 {
        0 => replay_and_mismatch(shot),
        1 => refused_keys(maker, &[(Ask::MissingKey, vec![])]),
        2 => refused_keys(
            maker,
            &[
                (Ask::BlankKey, vec![b"".to_vec()]),
                (Ask::BlankKey, vec![b"   ".to_vec()]),
            ],
        ),
        3 => {
            let long = format!("{:x<256}", maker.key("long-")).into_bytes();
            let foreign = [maker.key("k").as_bytes(), &[0xc3, 0xa9]].concat();
            refused_keys(
                maker,
                &[(Ask::BadKey, vec![long]), (Ask::BadKey, vec![foreign])],
            )
        }
        4 => {
            let lines = vec![maker.key("one").into_bytes(), maker.key("two").into_bytes()];
            refused_keys(maker, &[(Ask::TwoKeys, lines)])
        }
        5 => {
            let mut quoted = shot.clone().asking(Ask::QuotedKey);
            quoted.lines = vec![[b"\"", shot.lines[0].as_slice(), b"\""].concat()];
            vec![Round::single(shot), Round::single(quoted)]
        }
        _ => {
            let mut broken = shot.clone().asking(Ask::BadBody);
            broken.payload = broken.payload.spelled(Spelling::Broken);
            vec![Round::single(broken), Round::single(shot)]
        }
    }
}

fn replay_and_mismatch(shot: Shot) -> Vec<Round> {
    let mut shots = vec![shot.clone(), shot.clone()];
    for payload in [shot.payload.other_quantity(), shot.payload.other_item()] {
        shots.push(Shot {
            payload,
            ..shot.clone()
        });
    }
    for spelling in Spelling::OTHERS {
        shots.push(Shot {
            payload: shot.payload.spelled(spelling),
            ..shot.clone()
        });
    }
    shots.push(shot);
    shots.into_iter().map(Round::single).collect()
}

fn refused_keys(maker: &mut Maker<'_>, asks: &[(Ask, Vec<Vec<u8>>)]) -> Vec<Round> {
    (0..)
        .zip(asks)
        .map(|(index, (ask, lines))| {
            let mut shot = maker.shot(index).asking(*ask);
            shot.lines.clone_from(lines);
            Round::single(shot)
        })
        .collect()
}

/// Another payload after the first was answered; then the first again, which must be unharmed.
pub(super) fn mismatch(maker: &mut Maker<'_>) -> Vec<Round> {
    let first = maker.shot(0);
    let mut other = first.clone();
    other.payload = if maker.draw.chance(50) {
        first.payload.other_quantity()
    } else {
        first.payload.other_item()
    };
    [first.clone(), other, first]
        .map(|shot| Round::single(shot.on(maker.instance())))
        .into()
}

/// One order in all spellings: at once in half of the cases, then one after another.
pub(super) fn same_json(maker: &mut Maker<'_>) -> Vec<Round> {
    let gate = maker.gate();
    let plain = maker.shot(0).behind(gate);
    let spelled = Spelling::OTHERS.map(|spelling| Shot {
        payload: plain.payload.spelled(spelling),
        ..plain.clone()
    });
    let mut rounds = if maker.draw.chance(50) {
        vec![Round::of([vec![plain.clone()], spelled.to_vec()].concat())]
    } else {
        vec![Round::single(plain)]
    };
    let chosen = maker.draw.pick(&[0, 1, 2, 3]);
    rounds.push(Round::single(spelled[chosen].clone()));
    rounds
}

/// Two to four keys that a sloppy comparison takes for one: all at once, then all again.
pub(super) fn near_twins(maker: &mut Maker<'_>) -> Vec<Round> {
    let base = maker.key(&maker.label(0));
    let keys: Vec<String> = match maker.number % 6 {
        0 => vec![base.clone() + "-aa", base.clone() + "-AA", base + "-aA"],
        1 => {
            // The longest first: it finds every column that is too short.
            let length = [255, 64, 128, 36, 200, 65][maker.number as usize / 6 % 6];
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
    let shared = maker.payload(&maker.label(0));
    let same = maker.number % 6 == 5 || maker.draw.chance(30);
    let shots: Vec<Shot> = (0..)
        .zip(keys)
        .map(|(index, key)| {
            let label = maker.label(index);
            let payload: Payload = if same {
                shared.clone()
            } else {
                maker.payload(&label)
            };
            Shot::place(&label, &key, payload).on(maker.instance())
        })
        .collect();
    let again = shots.clone().into_iter().map(Round::single);
    let first: Vec<Round> = if maker.draw.chance(50) {
        vec![Round::of(shots)]
    } else {
        shots.into_iter().map(Round::single).collect()
    };
    first.into_iter().chain(again).collect()
}
