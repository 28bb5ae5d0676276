//! Whose keys and effects: tenants.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest name, in characters.
const NAME_LENGTH_MAX: usize = 64;

/// Whose keys and effects. Nothing of one tenant is visible to another.
///
/// Without authentication all clients are one tenant, the shared one. Cloning is cheap.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(Arc<str>);

/// Why a text does not name a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTenant {
    /// No characters.
    #[error("the name of a tenant must not be empty")]
    Empty,
    /// More than 64 characters.
    #[error("the name of a tenant must have at most {NAME_LENGTH_MAX} characters, and has {0}")]
    TooLong(usize),
    /// A space, a control character or something beyond ASCII.
    #[error("the name of a tenant may contain visible ASCII characters only (0x21 to 0x7E)")]
    NotVisibleAscii,
}

impl Tenant {
    /// The tenant of all clients that are not authenticated. Its name is empty.
    #[must_use]
    pub fn shared() -> Self {
        Self::default()
    }

    /// Whether it is the shared one.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.is_empty()
    }

    /// The name as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads a name: 1 to 64 visible ASCII characters, case-sensitive.
impl FromStr for Tenant {
    type Err = InvalidTenant;

    fn from_str(name: &str) -> Result<Self, InvalidTenant> {
        let length = name.chars().count();
        if length == 0 {
            return Err(InvalidTenant::Empty);
        }
        if length > NAME_LENGTH_MAX {
            return Err(InvalidTenant::TooLong(length));
        }
        if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidTenant::NotVisibleAscii);
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_64_visible_ascii_characters() {
        for name in ["a", "Acme-Corp_7", "a/b:c", &"x".repeat(64)] {
            assert_eq!(name.parse::<Tenant>().unwrap().as_str(), name);
        }
        for (name, error) in [
            ("", InvalidTenant::Empty),
            (&*"x".repeat(65), InvalidTenant::TooLong(65)),
            ("a b", InvalidTenant::NotVisibleAscii),
            ("a\0", InvalidTenant::NotVisibleAscii),
            ("é", InvalidTenant::NotVisibleAscii),
        ] {
            assert_eq!(name.parse::<Tenant>(), Err(error), "{name:?}");
        }
        assert!(Tenant::shared().is_shared());
    }
}
