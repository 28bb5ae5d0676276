//! Values that are parsed or derived without a server: keys, fingerprints, database URLs.

mod fingerprint;
mod key;
mod url;
