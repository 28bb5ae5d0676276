//! Scenarios that look like a busy service.

use std::time::Duration;

use super::{Fault, Maker, Round, Shot};

/// Sixteen requests for one key among sixteen for others, three times over.
pub(super) fn hot_key(maker: &mut Maker<'_>) -> Vec<Round> {
    let hot = maker.shot(0);
    (0..3)
        .map(|round| {
            let mut shots = Vec::new();
            for place in 0..16 {
                shots.push(hot.clone().on(maker.instance()));
                shots.push(maker.shot(1 + round * 16 + place).on(maker.instance()));
            }
            Round::of(shots)
        })
        .collect()
}

/// Clients that retry with backoff and full jitter, on keys of very different popularity, while
/// a third of the attempts meets a fault.
pub(super) fn mix(maker: &mut Maker<'_>) -> Vec<Round> {
    let keys: Vec<Shot> = (0..6).map(|index| maker.shot(index)).collect();
    let mut rounds = Vec::new();
    for attempt in 0..4 {
        let mut shots = Vec::new();
        for _ in 0..8 {
            // The first key is drawn about as often as all others together.
            let place = maker
                .draw
                .below(6)
                .min(maker.draw.below(6))
                .min(maker.draw.below(6));
            let mut shot = keys[place as usize].clone().on(maker.instance());
            shot.gate = maker.gate();
            shot.fault = fault(maker);
            if maker.draw.chance(8) {
                shot.payload = shot.payload.other_quantity();
            }
            shots.push(shot);
        }
        let jitter = maker.draw.below(10 << attempt);
        rounds.push(Round {
            backoff: Duration::from_millis(u64::from(jitter)),
            ..Round::of(shots)
        });
    }
    rounds.push(Round {
        after_faults: true,
        ..Round::of(keys)
    });
    rounds
}

fn fault(maker: &mut Maker<'_>) -> Fault {
    let permille = maker.draw.below(1000);
    match maker.draw.below(20) {
        0 => Fault::LoseAnswer,
        1 => Fault::CutRequest { permille },
        2 => Fault::CutAnswer { permille },
        3 => Fault::Duplicate,
        4 => Fault::Late {
            after_ms: 20 + u64::from(permille / 10),
        },
        5 | 6 => Fault::Vanish {
            after_us: u64::from(permille) * 5,
            reset: permille.is_multiple_of(2),
        },
        _ => Fault::None,
    }
}
