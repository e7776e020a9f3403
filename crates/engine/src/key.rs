//! Newtypes for what would otherwise be bare numbers.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// How many bits below the partition's number count the keys of that partition.
pub const KEY_BITS: u32 = 51;

/// The one partition there is.
pub const PARTITION: i64 = 1;

/// The engine's 64-bit identity of a thing: its upper bits name the partition.
///
/// Written as the distance from [`Key::START`], a few bytes instead of eight, with [`Key::NONE`]
/// as -1: most records hold several keys, and they are what the log is made of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// Swaps the distance that [`Key::NONE`] would have with -1; everything else stays as it is, so
/// that every key has a distance of its own.
fn distance_of_none_is_short(distance: i64) -> i64 {
    let of_none = Key::NONE.0.wrapping_sub(Key::START.0);
    match distance {
        -1 => of_none,
        distance if distance == of_none => -1,
        distance => distance,
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let distance = self.0.wrapping_sub(Self::START.0);
        distance_of_none_is_short(distance).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let distance = distance_of_none_is_short(i64::deserialize(deserializer)?);
        Ok(Self(distance.wrapping_add(Self::START.0)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_comes_back_and_the_usual_ones_are_short() {
        let start = Key::START.0;
        let all = [
            -1,
            0,
            1,
            99,
            start - 1,
            start,
            start + 1,
            i64::MAX,
            i64::MIN,
        ];
        for key in all.map(Key) {
            let bytes = postcard::to_allocvec(&key).unwrap();
            assert_eq!(postcard::from_bytes::<Key>(&bytes), Ok(key), "{key}");
        }
        let length = |key| postcard::to_allocvec(&key).unwrap().len();
        assert_eq!(length(Key::NONE), 1);
        assert_eq!(length(Key(start + 60)), 1);
        assert_eq!(length(Key(start + 1_000_000)), 3);
    }
}
