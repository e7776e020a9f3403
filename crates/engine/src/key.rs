//! Newtypes for what would otherwise be bare numbers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How many bits below the partition's number count the keys of that partition.
pub const KEY_BITS: u32 = 51;

/// The one partition there is.
pub const PARTITION: i64 = 1;

/// The engine's 64-bit identity of a thing: its upper bits name the partition.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Key(pub i64);

impl Key {
    /// No thing: Zeebe writes -1 for an absent reference.
    pub const NONE: Self = Self(-1);

    /// The first key of the partition is the one after this.
    pub const START: Self = Self(PARTITION << KEY_BITS);

    /// The partition that the key's upper bits name.
    #[must_use]
    pub fn partition(self) -> i64 {
        self.0 >> KEY_BITS
    }

    /// The key after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of a record in the log; the first is 1.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Position(pub u64);

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This instant plus `ms` milliseconds, held at the ends of the range.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}
