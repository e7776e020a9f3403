//! Places in the history: how people write them, and which commit each means.
//!
//! Only what the branch has been counts: its commits, and those under tags `ghettodb/*`, where the
//! history before a compaction is kept. What other branches of the repository hold cannot be
//! reached from here.

use crate::database::CONNECT_LIMIT;
use crate::first_parents::{FirstParents, Parent};
use crate::patience::patiently;
use crate::{Database, Error, Snapshot, git};
use gix::ObjectId;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::str::FromStr;

/// Tags whose commits were the branch's history before it was rewritten.
const KEPT: &str = "ghettodb/";
/// Fewest digits of an abbreviated id, as in git.
const HEX_MIN: usize = 4;

/// A place in the history of a branch; the default is its tip.
///
/// Read from text, one of
/// * the id of a commit, in full or unambiguously abbreviated (at least 4 digits),
/// * `HEAD`, the branch's name, or the name of a tag on its history,
/// * any of these with `~N`: N commits before, along first parents,
/// * a time, RFC 3339 with its zone: the last commit at or before it,
/// * a date: the last commit until the end of that day, UTC.
///
/// Times are the committers'. Where clocks disagree they may go backwards; what counts is the last
/// commit, in the branch's order, whose time is not after the one asked for, so everything that it was
/// built on counts too. Before the first commit the database was empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct At(Place);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Tip,
    /// Commits before the named one.
    Commit { name: String, back: usize },
    /// Seconds since 1970, and the text that gave them.
    Time { seconds: i64, text: String },
}

impl FromStr for At {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(seconds) = seconds(text)? {
            let text = text.to_owned();
            return Ok(At(Place::Time { seconds, text }));
        }
        // Neither can stand in the name of a branch or tag.
        let end = text.find(['~', '^']).unwrap_or(text.len());
        let (name, steps) = text.split_at(end);
        let bad = |reason: &str| Error::Usage(format!("{text:?} names no commit: {reason}"));
        if name.is_empty() {
            return Err(bad(
                "give the id of a commit, a branch or tag with or without ~N, or a time",
            ));
        }
        let mut back = 0_usize;
        let mut rest = steps;
        while let Some(sign) = rest.chars().next() {
            if !matches!(sign, '~' | '^') {
                return Err(bad("only `~N` can follow the name"));
            }
            let digits = rest[1..].trim_start_matches(|c: char| c.is_ascii_digit());
            let number = &rest[1..rest.len() - digits.len()];
            rest = digits;
            let count = match (sign, number) {
                ('~' | '^', "") => Some(1),
                ('~', number) => number.parse().ok(),
                _ => return Err(bad("of git's ways to go back there is `~N` alone")),
            };
            let sum = count.and_then(|count| back.checked_add(count));
            back = sum.ok_or_else(|| bad("that is too far back"))?;
        }
        let name = name.to_owned();
        Ok(At(Place::Commit { name, back }))
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Tip => f.write_str("the tip"),
            Place::Commit { name, back: 0 } => f.write_str(name),
            Place::Commit { name, back } => write!(f, "{name}~{back}"),
            Place::Time { text, .. } => f.write_str(text),
        }
    }
}

/// A time or the end of a day, in seconds since 1970; none where the text is neither.
fn seconds(text: &str) -> Result<Option<i64>, Error> {
    let bytes = text.as_bytes();
    let is_day = |bytes: &[u8]| {
        bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    };
    let Some((day, rest)) = bytes.split_at_checked(10).filter(|(day, _)| is_day(day)) else {
        return Ok(None);
    };
    let bad = |reason: &dyn fmt::Display| {
        Error::Usage(format!(
            "{text:?} is no time such as 2026-01-31T09:30:00Z, nor a date: {reason}"
        ))
    };
    match rest.first() {
        None => {
            let day = std::str::from_utf8(day).expect("digits and hyphens");
            let day: Date = day.parse().map_err(|error| bad(&error))?;
            let next = day.tomorrow().map_err(|error| bad(&error))?;
            let midnight = format!("{next}T00:00:00Z").parse::<Timestamp>();
            Ok(Some(midnight.map_err(|error| bad(&error))?.as_second() - 1))
        }
        Some(b'T' | b't' | b' ') => {
            let time: Timestamp = text.parse().map_err(|error| bad(&error))?;
            Ok(Some(time.as_second()))
        }
        Some(_) => Ok(None),
    }
}

impl Database {
    /// A read-only view of the branch as it was.
    ///
    /// Anything but the tip needs the whole history, which is fetched.
    ///
    /// # Errors
    /// [`Error::Usage`] if `at` is no place in the branch's history.
    pub fn snapshot_at(&mut self, at: &At) -> Result<Snapshot, Error> {
        self.fetch_for(&[at])?;
        let commit = self.resolve(at)?;
        Ok(self.snapshot_of(commit))
    }

    /// Fetches the tip, and the history before it if one of the places needs it.
    pub(crate) fn fetch_for(&mut self, places: &[&At]) -> Result<(), Error> {
        if places.iter().all(|at| at.0 == Place::Tip) {
            self.fetch_tip()
        } else {
            self.fetch_history()
        }
    }

    /// The commit of a place; none where the database was empty. [`Database::fetch_for`] comes first.
    pub(crate) fn resolve(&mut self, at: &At) -> Result<Option<ObjectId>, Error> {
        match &at.0 {
            Place::Tip => Ok(self.tip),
            Place::Commit { name, back } => {
                let named = self.named(name)?;
                self.back(named, *back, at).map(Some)
            }
            Place::Time { seconds, .. } => self.at_time(*seconds, at),
        }
    }

    fn named(&mut self, name: &str) -> Result<ObjectId, Error> {
        if name == "HEAD" || name == self.branch() {
            return self
                .tip
                .ok_or_else(|| Error::Usage(format!("branch {:?} has no commits", self.branch())));
        }
        let hex = name.to_ascii_lowercase();
        if let Some(commit) = self.by_id(&hex)? {
            return Ok(commit);
        }
        let tag = patiently(CONNECT_LIMIT, || self.remote.tag(name, git::CLONE_LIMIT))?;
        match tag.filter(|id| self.is_commit(*id)) {
            Some(commit) if name.starts_with(KEPT) => Ok(commit),
            Some(commit) if !self.in_history(self.tip, &[commit])?.is_empty() => Ok(commit),
            Some(_) => Err(Error::Usage(format!(
                "tag {name:?} is not in the history of branch {:?}",
                self.branch()
            ))),
            None => Err(Error::Usage(format!(
                "no commit {name:?} in the history of branch {:?}, and no tag of that name",
                self.branch()
            ))),
        }
    }

    /// The one commit of the history whose id starts with these digits.
    fn by_id(&mut self, hex: &str) -> Result<Option<ObjectId>, Error> {
        if hex.len() < HEX_MIN || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let mut found = self.in_history(self.tip, &self.with_prefix(hex)?)?;
        if found.is_empty() {
            // Fetched only now: what a compaction has put away is rarely asked for.
            let kept = self.kept()?;
            found = self.in_history(kept, &self.with_prefix(hex)?)?;
        }
        match found.as_slice() {
            [] => Ok(None),
            [commit] => Ok(Some(*commit)),
            several => {
                let several: Vec<_> = several.iter().map(ObjectId::to_string).collect();
                Err(Error::Usage(format!(
                    "{hex:?} is the start of several commits' ids: {}",
                    several.join(", ")
                )))
            }
        }
    }

    /// The tips that were put away under tags.
    fn kept(&self) -> Result<Vec<ObjectId>, Error> {
        patiently(CONNECT_LIMIT, || self.remote.tags(KEPT, git::CLONE_LIMIT))
    }

    /// The commits that are here, on whichever branch, whose ids start with these digits.
    fn with_prefix(&self, hex: &str) -> Result<Vec<ObjectId>, Error> {
        // Longer than any id: of no commit.
        let Ok(prefix) = gix::hash::Prefix::from_hex(hex) else {
            return Ok(Vec::new());
        };
        let mut ids = HashSet::new();
        let objects = &self.remote.objects().repo().objects;
        objects
            .lookup_prefix(prefix, Some(&mut ids))
            .map_err(Error::repository)?;
        let mut ids: Vec<_> = ids.into_iter().filter(|id| self.is_commit(*id)).collect();
        ids.sort();
        Ok(ids)
    }

    fn is_commit(&self, id: ObjectId) -> bool {
        let header = self.remote.objects().repo().find_header(id);
        header.is_ok_and(|header| header.kind() == gix::objs::Kind::Commit)
    }

    /// Which of these commits can be reached from the tips, by whichever parents.
    pub(crate) fn in_history(
        &self,
        tips: impl IntoIterator<Item = ObjectId>,
        commits: &[ObjectId],
    ) -> Result<Vec<ObjectId>, Error> {
        let mut found = Vec::new();
        if commits.is_empty() {
            return Ok(found);
        }
        let repo = self.remote.objects().repo();
        let mut next: VecDeque<ObjectId> = tips.into_iter().collect();
        let mut seen: HashSet<ObjectId> = next.iter().copied().collect();
        while let Some(id) = next.pop_front() {
            // Where a shallow history is cut off, a parent is not here.
            let Some(object) = repo.try_find_object(id).map_err(Error::repository)? else {
                continue;
            };
            if commits.contains(&id) {
                found.push(id);
                if found.len() == commits.len() {
                    break;
                }
            }
            let commit = object.try_into_commit().map_err(Error::repository)?;
            let parents = commit.parent_ids().map(gix::Id::detach);
            next.extend(parents.filter(|parent| seen.insert(*parent)));
        }
        Ok(found)
    }

    fn back(&self, from: ObjectId, steps: usize, at: &At) -> Result<ObjectId, Error> {
        for (index, link) in
            FirstParents::from(self.remote.objects().repo(), Some(from)).enumerate()
        {
            let link = link?;
            if index == steps {
                return Ok(link.id());
            }
            if link.parent == Parent::Missing {
                return Err(cut_off(&link.info()?, at));
            }
        }
        Err(Error::Usage(format!(
            "{at} is before the first commit of branch {:?}",
            self.branch()
        )))
    }

    fn at_time(&mut self, seconds: i64, at: &At) -> Result<Option<ObjectId>, Error> {
        let (found, _) = self.last_until(self.tip, seconds, at)?;
        if found.is_some() {
            return Ok(found);
        }
        // Where the branch begins with a compaction, what was before it is kept under tags.
        let mut latest: Option<(i64, ObjectId)> = None;
        for tip in self.kept()? {
            let (found, time) = self.last_until(Some(tip), seconds, at)?;
            latest = latest.max(found.map(|commit| (time, commit)));
        }
        Ok(latest.map(|(_, commit)| commit))
    }

    /// The last commit whose time is not after `seconds`, and its time.
    fn last_until(
        &self,
        tip: Option<ObjectId>,
        seconds: i64,
        at: &At,
    ) -> Result<(Option<ObjectId>, i64), Error> {
        for link in FirstParents::from(self.remote.objects().repo(), tip) {
            let link = link?;
            let time = link.seconds()?;
            if time <= seconds {
                return Ok((Some(link.id()), time));
            }
            if link.parent == Parent::Missing {
                return Err(cut_off(&link.info()?, at));
            }
        }
        Ok((None, 0))
    }
}

fn cut_off(first: &crate::CommitInfo, at: &At) -> Error {
    Error::Repository(format!(
        "{at} is further back than the repository's own copy of the history, which is cut off at {} of {}; fetch the whole history there with `git fetch --unshallow`",
        first.id, first.time
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(name: &str, back: usize) -> At {
        At(Place::Commit {
            name: name.to_owned(),
            back,
        })
    }

    #[track_caller]
    fn check_time(text: &str, expected: &str) {
        let At(Place::Time { seconds, .. }) = text.parse().unwrap() else {
            panic!("{text} is no time");
        };
        assert_eq!(crate::commit::rfc3339(seconds), expected);
    }

    #[track_caller]
    fn check_refused(text: &str, reason: &str) {
        let error = text.parse::<At>().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn commits() {
        for (text, name, back) in [
            ("main", "main", 0),
            ("main~3", "main", 3),
            ("main~", "main", 1),
            ("main^~2", "main", 3),
            ("deadbeef", "deadbeef", 0),
            ("ghettodb/2026-01-02~1", "ghettodb/2026-01-02", 1),
            ("2026-01-02-release", "2026-01-02-release", 0),
        ] {
            assert_eq!(text.parse::<At>().unwrap(), commit(name, back), "{text}");
        }
        check_refused("", "give the id of a commit");
        check_refused("~1", "give the id of a commit");
        check_refused("main^2", "`~N` alone");
        check_refused("main^{tree}", "`~N`");
        check_refused("main~1x", "`~N`");
        check_refused("main~99999999999999999999", "too far back");
    }

    #[test]
    fn times_and_days() {
        check_time("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z");
        check_time("2026-01-02T03:04:05.999Z", "2026-01-02T03:04:05Z");
        check_time("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z");
        check_time("2026-01-02", "2026-01-02T23:59:59Z");
        check_refused("2026-02-30", "is no time");
        check_refused("2026-01-02T03:04:05", "is no time");
        check_refused("2026-01-02T25:00:00Z", "is no time");
    }
}
