//! Making commits anew: the one that stands for all squashed ones, and those that are kept. A kept commit
//! is the same text, byte for byte, but for its parents and for signatures, which would not hold.

use super::{Compaction, Plan};
use crate::commit::{TRANSACTION, rfc3339};
use crate::message::{Account, Message};
use crate::{Database, Error};
use gix::ObjectId;
use gix::objs::{Kind, Write as _};
use std::collections::HashMap;

impl Database {
    /// Writes the new history; gives its tip.
    pub(super) fn rewrite(&self, plan: &Plan, compaction: &Compaction) -> Result<ObjectId, Error> {
        let root = self.write_squashed(plan, compaction)?;
        let mut made: HashMap<ObjectId, ObjectId> = HashMap::new();
        // Parents before children, without recursion: histories are long.
        let mut stack = vec![plan.tip];
        while let Some(id) = stack.last().copied() {
            let parents = &plan.kept[&id].parents;
            let is_to_do =
                |parent: &&ObjectId| plan.kept.contains_key(*parent) && !made.contains_key(*parent);
            if let Some(parent) = parents.iter().find(is_to_do) {
                stack.push(*parent);
                continue;
            }
            stack.pop();
            if made.contains_key(&id) {
                continue;
            }
            let mut new_parents = Vec::with_capacity(parents.len());
            for parent in parents {
                let parent = made.get(parent).copied().unwrap_or(root);
                if !new_parents.contains(&parent) {
                    new_parents.push(parent);
                }
            }
            made.insert(id, self.write_again(id, &new_parents)?);
        }
        Ok(made[&plan.tip])
    }

    /// The commit that stands for all squashed ones. Its time is that of the newest of them, so that
    /// asking for the records of a time gives what it gave before.
    fn write_squashed(&self, plan: &Plan, compaction: &Compaction) -> Result<ObjectId, Error> {
        let repo = self.remote.writable()?.repo();
        let cut = repo.find_commit(plan.cut).map_err(Error::repository)?;
        let time = cut.time().map_err(Error::repository)?;
        let author = self.options.author.signature(time);
        let of = |id: &Option<String>| id.clone().unwrap_or_default();
        let message = Message {
            subject: format!(
                "compact: {} commits up to {}",
                compaction.squashed,
                rfc3339(time.seconds)
            ),
            trailers: vec![
                ("Operation".to_owned(), "compact".to_owned()),
                (
                    "Squashed-Commits".to_owned(),
                    compaction.squashed.to_string(),
                ),
                ("First-Commit".to_owned(), of(&compaction.first)),
                ("Last-Commit".to_owned(), of(&compaction.last)),
            ],
        };
        let marks = self.recent_marks(plan)?;
        let commit = gix::objs::Commit {
            tree: cut.tree_id().map_err(Error::repository)?.detach(),
            parents: Default::default(),
            author: author.clone(),
            committer: author,
            encoding: None,
            message: message.text(&Account::default()).into(),
            extra_headers: marks
                .into_iter()
                .map(|mark| (TRANSACTION.into(), mark.into()))
                .collect(),
        };
        let id = repo.write_object(&commit).map_err(Error::repository)?;
        Ok(id.detach())
    }

    fn write_again(&self, id: ObjectId, parents: &[ObjectId]) -> Result<ObjectId, Error> {
        let repo = self.remote.writable()?.repo();
        let commit = repo.find_commit(id).map_err(Error::repository)?;
        let text = with_parents(&commit.data, parents)
            .ok_or_else(|| Error::Repository(format!("commit {id} is not written as one")))?;
        repo.objects
            .write_buf(Kind::Commit, &text)
            .map_err(Error::repository)
    }
}

/// Whether a header of a commit is a signature of it, or of a tag that it merged.
pub(super) fn is_signature(header: &[u8]) -> bool {
    matches!(header, b"gpgsig" | b"gpgsig-sha256" | b"mergetag")
}

/// The text of a commit with other parents and without signatures.
fn with_parents(text: &[u8], parents: &[ObjectId]) -> Option<Vec<u8>> {
    let end = text.windows(2).position(|two| two == b"\n\n")? + 1;
    let (headers, message) = text.split_at(end);
    let mut out = Vec::with_capacity(text.len());
    let mut is_left_out = false;
    for (index, line) in headers.split_inclusive(|byte| *byte == b'\n').enumerate() {
        // A line that begins with a space goes on with the header before it.
        if !line.starts_with(b" ") {
            let name = line.split(|byte| *byte == b' ').next()?;
            is_left_out = name == b"parent" || is_signature(name);
        }
        if !is_left_out {
            out.extend_from_slice(line);
        }
        if index == 0 {
            // Parents stand right after the tree.
            for parent in parents {
                out.extend_from_slice(format!("parent {parent}\n").as_bytes());
            }
        }
    }
    out.extend_from_slice(message);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_keeps_all_but_parents_and_signatures() {
        let parent = ObjectId::null(gix::hash::Kind::Sha1);
        let text = b"tree 1\nparent 2\nparent 3\nauthor a <a> 1 +0100\ncommitter c <c> 2 +0000\ngpgsig -----BEGIN\n line\n \n -----END\ntransaction x\n\nsubject\n\nparent 2\n gpgsig\n";
        let expected = format!(
            "tree 1\nparent {parent}\nauthor a <a> 1 +0100\ncommitter c <c> 2 +0000\ntransaction x\n\nsubject\n\nparent 2\n gpgsig\n"
        );
        let made = with_parents(text, &[parent]).unwrap();
        assert_eq!(String::from_utf8(made).unwrap(), expected);
        assert_eq!(with_parents(b"no commit", &[]), None);
    }
}
