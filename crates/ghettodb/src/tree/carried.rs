//! Settings of tables that a commit carries in its own headers.
//!
//! A clone without contents would ask the remote for the settings before each first write, which is one
//! more conversation with it. So a commit brings the few that its writer has read along. They
//! are taken by the id of their content alone, so a header that does not hold what the tree names is
//! worth nothing, and a commit without any is as good.

use crate::Error;
use gix::ObjectId;
use gix::bstr::BString;
use std::collections::BTreeMap;

/// One header: the id of the content in hex, a space, and the content as a JSON string.
const SETTINGS: &str = "settings";
/// Most bytes of contents that a commit carries: each commit pays for them.
const BYTES_MAX: usize = 1024;

/// Contents by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Carried(BTreeMap<ObjectId, Vec<u8>>);

impl Carried {
    /// What a commit carries; a header that is not as it should be is passed over.
    pub(super) fn of(commit: &gix::Commit<'_>) -> Result<Self, Error> {
        let commit = commit.decode().map_err(Error::repository)?;
        let headers = commit.extra_headers().find_all(SETTINGS);
        Ok(Carried(headers.filter_map(|value| parse(value)).collect()))
    }

    pub(super) fn get(&self, id: ObjectId) -> Option<&[u8]> {
        self.0.get(&id).map(Vec::as_slice)
    }

    pub(super) fn add(&mut self, id: ObjectId, content: &[u8]) {
        self.0.entry(id).or_insert_with(|| content.to_owned());
    }

    /// Those whose ids are wanted, as long as there is room for them.
    pub(super) fn into_wanted(mut self, wanted: impl Fn(ObjectId) -> bool) -> Self {
        let mut room = BYTES_MAX;
        self.0.retain(|id, content| {
            let keep = wanted(*id) && content.len() <= room;
            room -= if keep { content.len() } else { 0 };
            keep
        });
        self
    }

    /// The headers of a commit that is to carry them.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (BString, BString)> {
        self.0.iter().filter_map(|(id, content)| {
            let text = std::str::from_utf8(content).ok()?;
            let text = serde_json::to_string(text).ok()?;
            Some((SETTINGS.into(), format!("{id} {text}").into()))
        })
    }
}

fn parse(value: &[u8]) -> Option<(ObjectId, Vec<u8>)> {
    let (id, text) = value.split_at_checked(gix::hash::Kind::Sha1.len_in_hex())?;
    let id = ObjectId::from_hex(id).ok()?;
    let text: String = serde_json::from_slice(text.strip_prefix(b" ")?).ok()?;
    let content = text.into_bytes();
    let held = gix::objs::compute_hash(id.kind(), gix::objs::Kind::Blob, &content).ok()?;
    (held == id).then_some((id, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(content: &[u8]) -> ObjectId {
        gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, content).unwrap()
    }

    #[test]
    fn a_header_holds_a_content_byte_for_byte() {
        let content = "{\n  \"_id\": \"a\\\"\u{1f37a}\"\r\n}".as_bytes();
        let mut carried = Carried::default();
        carried.add(id(content), content);
        let headers: Vec<_> = carried.headers().collect();
        assert_eq!(headers.len(), 1);
        let (name, value) = &headers[0];
        assert_eq!(name, SETTINGS);
        assert!(!value.contains(&b'\n'));
        assert_eq!(parse(value), Some((id(content), content.to_owned())));
    }

    #[test]
    fn what_its_id_does_not_name_is_passed_over() {
        let good = format!("{} \"{{}}\"", id(b"{}"));
        assert!(parse(good.as_bytes()).is_some());
        let other = good.replace("{}", "{ }");
        let bare = good.replace('"', "");
        let short = &good[..30];
        for bad in [other.as_str(), &bare, short, "", "x y", "\u{1f37a}"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn only_what_is_wanted_and_has_room_is_carried() {
        let mut carried = Carried::default();
        let (small, large) = (vec![b'a'; 10], vec![b'b'; BYTES_MAX + 1]);
        for content in [&small, &large, &vec![b'c'; 10]] {
            carried.add(id(content), content);
        }
        let gone = id(&[b'c'; 10]);
        let kept = carried.into_wanted(|id| id != gone);
        assert_eq!(kept.get(id(&small)), Some(small.as_slice()));
        assert_eq!(kept.0.len(), 1);
    }
}
