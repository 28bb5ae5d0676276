//! The life of one attempt: up to the gate, through it, to the answer or to not knowing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{Runner, reading};
use crate::hammer::fault::{self, Intercepted};
use crate::hammer::history::{Answer, Event, FaultSeen, Invoked, Outcome};
use crate::hammer::wire::{Connection, Pool, Request, WireError};
use crate::hammer::workload::{Fault, PlannedAttempt};

/// A client whose request is held back gives up after this.
const IMPATIENT: Duration = Duration::from_millis(50);

/// An attempt in front of its gate.
pub(super) struct Prepared<'a> {
    n: u64,
    scenario: &'a str,
    planned: &'a PlannedAttempt,
    pool: &'a Pool,
    connection: Result<Connection, WireError>,
    request: Request,
    split: usize,
    proxy: Option<Intercepted>,
}

impl Prepared<'_> {
    /// The proxy on the way, to be asked for evidence later.
    pub(super) fn take_proxy(&mut self) -> Option<Intercepted> {
        self.proxy.take()
    }
}

/// How an attempt ended on the wire.
enum End {
    /// It never got as far as its last byte.
    NotSent(WireError),
    /// The client went away on purpose.
    Gone { released: Instant },
    /// It was sent, and then nothing complete came back.
    Lost { released: Instant, error: WireError },
    Answered {
        released: Instant,
        first_byte: Instant,
        answer: Box<Answer>,
    },
}

impl Runner {
    /// Connects and sends everything that does not wait for the gate.
    pub(super) async fn prepare<'a>(
        &'a self,
        scenario: &'a str,
        planned: &'a PlannedAttempt,
        during_process_fault: bool,
        drain: bool,
    ) -> Prepared<'a> {
        let instance = planned.instance % self.pools.len();
        let pool = &self.pools[instance];
        let n = self.recorder.number();
        let request = pool.post(&planned.lines, &planned.payload.body());
        self.recorder.record(Event::Invoke(Invoked {
            n,
            t: self.recorder.now(),
            scenario: scenario.to_owned(),
            instance,
            during_process_fault,
            drain,
            ..asked(planned)
        }));
        let mut proxy = None;
        let connection = if fault::is_on_the_way(planned.fault) {
            fault::intercept(
                n,
                scenario,
                pool.target().address,
                planned.fault,
                request.bytes.len(),
                self.patience,
            )
            .await
            .map(|(connection, intercepted)| {
                proxy = Some(intercepted);
                connection
            })
        } else {
            pool.take().await
        };
        let split = planned.gate.split(request.head, request.bytes.len());
        let mut prepared = Prepared {
            n,
            scenario,
            planned,
            pool,
            connection,
            request,
            split,
            proxy,
        };
        if let Ok(connection) = &mut prepared.connection
            && let Err(error) = connection.send(&prepared.request.bytes[..split]).await
        {
            prepared.connection = Err(error);
        }
        prepared
    }

    /// Passes the gate, waits for the answer, records how it ended, and says whether the order
    /// was accepted.
    pub(super) async fn finish(
        &self,
        prepared: Prepared<'_>,
        open: Instant,
        flight: &AtomicUsize,
    ) -> bool {
        let n = prepared.n;
        if prepared.planned.delay > Duration::ZERO {
            hold_until(open + prepared.planned.delay).await;
        }
        let end = self.release(prepared, flight).await;
        let event = self.describe(n, end);
        let accepted = matches!(event, Event::Ok(_));
        self.recorder.record(event);
        accepted
    }

    async fn release(&self, prepared: Prepared<'_>, flight: &AtomicUsize) -> End {
        let mut connection = match prepared.connection {
            Ok(connection) => connection,
            Err(error) => return End::NotSent(error),
        };
        let tail = &prepared.request.bytes[prepared.split..];
        if let Err(error) = connection.push(tail) {
            return End::NotSent(error);
        }
        let released = Instant::now();
        if let Fault::Vanish { after_us, reset } = prepared.planned.fault {
            hold_until(released + Duration::from_micros(after_us)).await;
            let landed = connection.is_quiet();
            connection.abandon(reset);
            self.record_vanishing(prepared.n, prepared.scenario, landed, after_us);
            return End::Gone { released };
        }
        let patience = match prepared.planned.fault {
            Fault::Late { .. } => IMPATIENT,
            _ => self.patience,
        };
        flight.fetch_add(1, Ordering::Relaxed);
        let received = connection.receive(patience).await;
        flight.fetch_sub(1, Ordering::Relaxed);
        match received {
            Ok((answer, first_byte)) => {
                if answer.keeps_alive && prepared.planned.fault == Fault::None {
                    prepared.pool.put(connection);
                }
                End::Answered {
                    released,
                    first_byte,
                    answer: Box::new(reading::read(&answer)),
                }
            }
            Err(error) => End::Lost { released, error },
        }
    }

    fn record_vanishing(&self, n: u64, scenario: &str, landed: bool, after_us: u64) {
        let seen = if landed { "before" } else { "after" };
        self.recorder.record(Event::Fault(FaultSeen {
            t: self.recorder.now(),
            fault: "vanish".to_owned(),
            scenario: scenario.to_owned(),
            attempt: Some(n),
            landed,
            evidence: format!("went away {after_us} µs after the last byte, {seen} any answer"),
        }));
    }

    fn describe(&self, n: u64, end: End) -> Event {
        let mut outcome = Outcome {
            n,
            t: self.recorder.now(),
            ..Outcome::default()
        };
        match end {
            End::NotSent(error) => {
                outcome.error = Some(chain(&error));
                Event::Fail(outcome)
            }
            End::Gone { released } => {
                outcome.released = Some(self.recorder.at(released));
                outcome.error = Some("the client went away".to_owned());
                Event::Unknown(outcome)
            }
            End::Lost { released, error } => {
                outcome.released = Some(self.recorder.at(released));
                outcome.error = Some(chain(&error));
                Event::Unknown(outcome)
            }
            End::Answered {
                released,
                first_byte,
                answer,
            } => {
                outcome.released = Some(self.recorder.at(released));
                outcome.first_byte = Some(self.recorder.at(first_byte));
                let status = answer.status;
                outcome.answer = Some(*answer);
                match status {
                    200..300 => Event::Ok(outcome),
                    // A refusal: the server says that it did nothing.
                    300..500 if status != 408 => Event::Fail(outcome),
                    _ => Event::Unknown(outcome),
                }
            }
        }
    }
}

/// What the history says of a planned, wherever and whenever it is sent.
fn asked(planned: &PlannedAttempt) -> Invoked {
    let text = |line: &Vec<u8>| String::from_utf8_lossy(line).into_owned();
    Invoked {
        n: 0,
        t: 0,
        scenario: String::new(),
        key: planned.key.clone(),
        lines: planned.lines.iter().map(text).collect(),
        kind: planned.kind,
        payload: planned.payload.variant,
        spelling: planned.payload.spelling,
        item: planned.payload.item.clone(),
        quantity: planned.payload.quantity,
        instance: planned.instance,
        gate: planned.gate,
        fault: planned.fault,
        during_process_fault: false,
        drain: false,
    }
}

/// Waits until `moment`, to some microseconds: timers tick in milliseconds and
/// a turn of the event loop takes some microseconds, so the rest is spun.
pub(super) async fn hold_until(moment: Instant) {
    const TICK: Duration = Duration::from_millis(2);
    const TURN: Duration = Duration::from_micros(50);
    let left = moment.saturating_duration_since(Instant::now());
    if let Some(ticks) = left.checked_sub(TICK) {
        tokio::time::sleep(ticks).await;
    }
    while moment.saturating_duration_since(Instant::now()) > TURN {
        tokio::task::yield_now().await;
    }
    while Instant::now() < moment {
        std::hint::spin_loop();
    }
}

/// An error and what caused it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line = format!("{line}: {cause}");
        source = cause.source();
    }
    line
}
