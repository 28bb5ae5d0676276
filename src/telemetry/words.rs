//! Values of labels and of fields in logs.

/// Declares an enum whose variants have names.
macro_rules! words {
    ($(#[$meta:meta])* $enum:ident { $($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $enum {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $enum {
            /// Every variant, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in metrics and logs.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

words! {
    /// How a request with an idempotency key ended.
    RequestOutcome {
        /// The request was executed.
        Created = "created",
        /// Its answer was replayed without asking the database.
        ReplayedFromMemory = "replayed_from_memory",
        /// Its answer was replayed from the Redis that instances share, without asking the
        /// database.
        ReplayedFromRedis = "replayed_from_redis",
        /// Its answer was replayed from the database.
        ReplayedFromDatabase = "replayed_from_database",
        /// The operation said no, now or in the answer that was replayed.
        Refused = "refused",
        /// The key belongs to another payload.
        Reused = "reused",
        /// Another transaction held the key.
        InUse = "in_use",
        /// The answer of the key has expired.
        Expired = "expired",
        /// The request was malformed.
        Invalid = "invalid",
        /// Overload, no database, deadline passed, shutdown.
        Unavailable = "unavailable",
        /// An internal error.
        Failed = "failed",
    }
}

words! {
    /// The operation that an HTTP request asks for.
    HttpOperation {
        /// `POST /orders`
        PlaceOrder = "place_order",
        /// `GET /orders`
        ListOrders = "list_orders",
        /// `GET /orders/{id}`
        FindOrder = "find_order",
        /// `GET /health`, `/livez` and `/metrics`
        Probe = "probe",
        /// Pages, other services, unknown paths.
        Other = "other",
    }
}

words! {
    /// What a sweep takes.
    SweptRows {
        /// The answer of a key, after the key retention.
        Answers = "answers",
        /// What is left of a key, after the tombstone retention.
        Tombstones = "tombstones",
    }
}

words! {
    /// Why a sweep began.
    SweepTrigger {
        /// The time has come.
        Interval = "interval",
        /// `POST /admin/cleanup` or `orders sweep`
        Demand = "demand",
    }
}

words! {
    /// What became of a span for the collector.
    SpanFate {
        /// The collector has it.
        Exported = "exported",
        /// The collector was away, or refused it.
        Failed = "failed",
        /// The queue was full.
        Dropped = "dropped",
    }
}

words! {
    /// Why a transaction failed.
    FailureReason {
        /// It lost a conflict: serialization failure, deadlock, busy SQLite file.
        Conflict = "conflict",
        /// Another transaction held a key for longer than the lock wait.
        Locked = "locked",
        /// No connection, no room, no answer in time.
        Unavailable = "unavailable",
        /// The database reported an internal error.
        Internal = "internal",
        /// The database rejected a row.
        Rejected = "rejected",
    }
}

words! {
    /// Why a record of Kafka became a dead letter.
    DeadLetterReason {
        /// It is not an order.
        BodyInvalid = "body_invalid",
        /// Its payload is too large.
        BodyTooLarge = "body_too_large",
        /// Its key breaks a rule.
        KeyInvalid = "key_invalid",
        /// Its key belongs to another payload.
        KeyReused = "key_reused",
    }
}

words! {
    /// Where events are published.
    EventSink {
        /// Lines on stdout.
        Stdout = "stdout",
        /// HTTP requests.
        Webhook = "webhook",
        /// A topic of Kafka.
        Kafka = "kafka",
    }
}
