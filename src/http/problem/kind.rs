//! The table of problems: one row for each kind, with everything about it.
//!
//! To add a kind, add a row; rows are sorted by status. The responses of the OpenAPI document are
//! derived from the table, with their descriptions, headers and examples.

use poem::http::StatusCode;

use self::Operations::{All, These};

/// What all problems of one kind have in common.
pub(in crate::http) struct Row {
    pub(in crate::http) status: StatusCode,
    /// Stable name, for programs.
    pub(in crate::http) code: &'static str,
    /// Title of RFC 9457: the one of the IETF draft where it has one.
    pub(in crate::http) title: &'static str,
    /// The text of the problem, or an example of it if it depends on the request.
    pub(in crate::http) detail: &'static str,
    /// Headers of the response, besides those of every response.
    pub(in crate::http) headers: &'static [Header],
    /// The operations that can end in this kind, by their ids in the OpenAPI document.
    pub(in crate::http) operations: Operations,
    /// Description in the OpenAPI document: the documentation of the kind.
    pub(in crate::http) description: &'static str,
}

/// A header of the response to a problem.
pub(in crate::http) struct Header {
    pub(in crate::http) name: &'static str,
    /// JSON type of the value.
    pub(in crate::http) schema: &'static str,
    /// The value, if all problems of the kind have the same.
    pub(in crate::http) value: Option<&'static str>,
    pub(in crate::http) description: &'static str,
}

/// Operations of the OpenAPI document.
pub(in crate::http) enum Operations {
    All,
    These(&'static [&'static str]),
}

/// Transient problems: another attempt is worthwhile a second later.
const RETRY_AFTER: Header = Header {
    name: "Retry-After",
    schema: "integer",
    value: Some("1"),
    description: "Seconds to wait before the next attempt.",
};

/// The client was too fast: it is allowed again after a time that depends on the limit.
const RATE_RETRY_AFTER: Header = Header {
    value: None,
    ..RETRY_AFTER
};

/// draft-ietf-httpapi-ratelimit-headers.
const RATE_LIMIT: Header = Header {
    name: "RateLimit",
    schema: "string",
    value: None,
    description: "Requests that are left at once (`r`) and seconds until the full quota (`t`).",
};

/// draft-ietf-httpapi-ratelimit-headers.
const RATE_LIMIT_POLICY: Header = Header {
    name: "RateLimit-Policy",
    schema: "string",
    value: None,
    description: "The quota (`q`) and the seconds in which it is allowed again (`w`).",
};

/// RFC 9110 §15.5.16.
const ACCEPT_ENCODING: Header = Header {
    name: "Accept-Encoding",
    schema: "string",
    value: None,
    description: "The content encodings of a body.",
};

/// RFC 9110 §15.5.6.
const ALLOW: Header = Header {
    name: "Allow",
    schema: "string",
    value: None,
    description: "The methods of the path.",
};

/// RFC 6750 §3.
const WWW_AUTHENTICATE: Header = Header {
    name: "WWW-Authenticate",
    schema: "string",
    value: Some("Bearer"),
    description: "The scheme of a token.",
};

/// Of the resource of an expired key, unless its request was refused.
const LOCATION: Header = Header {
    name: "Location",
    schema: "string",
    value: None,
    description: "The path of what the first request with this key created.",
};

/// The operations whose clients are authenticated, unless that is off.
const AUTHENTICATED: &[&str] = &[
    "place_order",
    "list_orders",
    "find_order",
    "find_key",
    "sweep_expired_keys",
];

/// Declares [`Kind`] and the row of each variant.
macro_rules! problems {
    ($($(#[doc = $description:literal])+ $kind:ident { $($row:tt)+ })+) => {
        /// A kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind {
            $($(#[doc = $description])+ $kind,)+
        }

        impl Kind {
            /// Every kind, in the order of the table.
            pub(in crate::http) const ALL: &[Self] = &[$(Self::$kind),+];

            /// Its stable name.
            pub(in crate::http) const fn code(self) -> &'static str {
                self.row().code
            }

            /// The row of the kind.
            pub(in crate::http) const fn row(self) -> &'static Row {
                match self {
                    $(Self::$kind => const {
                        &Row {
                            description: concat!($($description),+).trim_ascii(),
                            $($row)+
                        }
                    },)+
                }
            }
        }
    };
}

problems! {
    /// The `Idempotency-Key` header is missing or blank.
    KeyRequired {
        status: StatusCode::BAD_REQUEST,
        code: "IDEMPOTENCY_KEY_REQUIRED",
        title: "Idempotency-Key is missing",
        detail: "Idempotency-Key header is required",
        headers: &[],
        operations: These(&["place_order"]),
    }

    /// The key breaks a rule, or more than one key was sent.
    KeyInvalid {
        status: StatusCode::BAD_REQUEST,
        code: "IDEMPOTENCY_KEY_INVALID",
        title: "Idempotency-Key is malformed",
        detail: "Idempotency-Key was sent more than once",
        headers: &[],
        operations: These(&["place_order"]),
    }

    /// The body is not a valid order. The key is not used up.
    BodyInvalid {
        status: StatusCode::BAD_REQUEST,
        code: "BODY_INVALID",
        title: "Body is invalid",
        detail: "quantity must be a whole number from 1 to 2147483647",
        headers: &[],
        operations: These(&["place_order"]),
    }

    /// A query parameter is invalid.
    ParameterInvalid {
        status: StatusCode::BAD_REQUEST,
        code: "PARAMETER_INVALID",
        title: "Parameter is invalid",
        detail: "limit must be a whole number from 1 to 1000",
        headers: &[],
        operations: These(&["list_orders"]),
    }

    /// The framework refused the request for a reason that has no kind of its own.
    RequestInvalid {
        status: StatusCode::BAD_REQUEST,
        code: "REQUEST_INVALID",
        title: "Request is invalid",
        detail: "the request is malformed",
        headers: &[],
        operations: These(&[]),
    }

    /// The client must name a tenant: by a token that is valid, or through the gateway.
    Unauthenticated {
        status: StatusCode::UNAUTHORIZED,
        code: "UNAUTHENTICATED",
        title: "Authentication is required",
        detail: "a token is required: Authorization: Bearer TOKEN",
        headers: &[WWW_AUTHENTICATE],
        operations: These(AUTHENTICATED),
    }

    /// The client may not do this.
    Forbidden {
        status: StatusCode::FORBIDDEN,
        code: "FORBIDDEN",
        title: "Forbidden",
        detail: "only clients on this machine may do this",
        headers: &[],
        operations: These(&["sweep_expired_keys"]),
    }

    /// No order has this id.
    NotFound {
        status: StatusCode::NOT_FOUND,
        code: "NOT_FOUND",
        title: "Not found",
        detail: "order not found",
        headers: &[],
        operations: These(&["find_order"]),
    }

    /// The key was not used, or so long ago that it is forgotten.
    KeyUnknown {
        status: StatusCode::NOT_FOUND,
        code: "IDEMPOTENCY_KEY_UNKNOWN",
        title: "Idempotency key is unknown",
        detail: "no order was placed with this idempotency key",
        headers: &[],
        operations: These(&["find_key"]),
    }

    /// The path exists, but does not support the method.
    MethodNotAllowed {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "METHOD_NOT_ALLOWED",
        title: "Method is not allowed",
        detail: "method not allowed",
        headers: &[ALLOW],
        operations: These(&[]),
    }

    /// The body did not arrive in time. The connection is closed.
    BodyTimeout {
        status: StatusCode::REQUEST_TIMEOUT,
        code: "BODY_TIMEOUT",
        title: "Body is too slow",
        detail: "the body did not arrive in time",
        headers: &[],
        operations: These(&["place_order"]),
    }

    /// The key was used with a different payload. Never repeat this request.
    KeyReused {
        status: StatusCode::CONFLICT,
        code: "IDEMPOTENCY_KEY_REUSED",
        title: "Idempotency-Key is already used",
        detail: "Idempotency key reused with different request",
        headers: &[],
        operations: These(&["place_order"]),
    }

    /// The key was used before, and its answer is no longer stored. `Location` is what it created.
    KeyExpired {
        status: StatusCode::CONFLICT,
        code: "IDEMPOTENCY_KEY_EXPIRED",
        title: "Idempotency-Key has expired",
        detail: "the answer to the first request with this Idempotency-Key has expired",
        headers: &[LOCATION],
        operations: These(&["place_order"]),
    }

    /// The first request with this key is still in flight. Repeat this request later.
    KeyInUse {
        status: StatusCode::CONFLICT,
        code: "IDEMPOTENCY_KEY_IN_USE",
        title: "A request is outstanding for this Idempotency-Key",
        detail: "the first request with this Idempotency-Key is still in flight",
        headers: &[RETRY_AFTER],
        operations: These(&["place_order"]),
    }

    /// The body is too large. The connection is closed.
    BodyTooLarge {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "BODY_TOO_LARGE",
        title: "Body is too large",
        detail: "the body is larger than 65536 bytes",
        headers: &[],
        operations: These(&["place_order"]),
    }

    /// The media type of the body is not `application/json`.
    MediaTypeUnsupported {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        code: "MEDIA_TYPE_UNSUPPORTED",
        title: "Media type is not supported",
        detail: "the body must be application/json",
        headers: &[],
        operations: These(&["place_order"]),
    }

    /// The content encoding of the body is not `gzip`.
    ContentEncodingUnsupported {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        code: "CONTENT_ENCODING_UNSUPPORTED",
        title: "Content encoding is not supported",
        detail: "the content encoding of the body must be gzip or identity",
        headers: &[ACCEPT_ENCODING],
        operations: These(&["place_order"]),
    }

    /// More requests than the limit of the tenant allows. Repeat this request later.
    RateLimited {
        status: StatusCode::TOO_MANY_REQUESTS,
        code: "RATE_LIMITED",
        title: "Too many requests",
        detail: "more requests than allowed, retry later with the same Idempotency-Key",
        headers: &[RATE_RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY],
        operations: These(&["place_order", "list_orders", "find_order", "find_key"]),
    }

    /// Too many unknown tokens were sent to look up this one. Repeat this request later.
    UnknownTokens {
        status: StatusCode::TOO_MANY_REQUESTS,
        code: "UNKNOWN_TOKENS",
        title: "Too many unknown tokens",
        detail: "too many unknown tokens, retry later with the same Idempotency-Key",
        headers: &[RETRY_AFTER],
        operations: These(AUTHENTICATED),
    }

    /// The headers are too many or too large.
    HeadersTooLarge {
        status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        code: "HEADERS_TOO_LARGE",
        title: "Headers are too large",
        detail: "the headers are larger than 16384 bytes",
        headers: &[],
        operations: All,
    }

    /// An internal error, which has been logged.
    Internal {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        code: "INTERNAL",
        title: "Internal server error",
        detail: "internal error",
        headers: &[],
        operations: All,
    }

    /// The service is overloaded or shutting down, or its database is not ready. Repeat this
    /// request later.
    Unavailable {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "UNAVAILABLE",
        title: "Service is unavailable",
        detail: "the database is not available",
        headers: &[RETRY_AFTER],
        operations: All,
    }
}
