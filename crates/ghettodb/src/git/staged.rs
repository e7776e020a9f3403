//! New objects that are held back until all of a commit's are known, and written as one pack: to make a
//! file for each would cost more than what is in them.

use super::Objects;
use crate::Error;
use gix::ObjectId;
use gix::objs::{Data, Kind, WriteTo};
use gix::zlib::Compression;
use gix_pack::data::output::{Count, Entry, bytes::FromEntriesIter};
use gix_pack::data::{Version, input::Mode};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

/// Objects that are not written yet. One that is there twice counts once.
#[derive(Default)]
pub(crate) struct Staged(BTreeMap<ObjectId, (Kind, Vec<u8>)>);

impl Staged {
    /// Adds a file's content; gives the id that it will have.
    pub(crate) fn blob(&mut self, content: Vec<u8>) -> Result<ObjectId, Error> {
        self.add(Kind::Blob, content)
    }

    /// Adds a directory; gives the id that it will have.
    pub(crate) fn tree(&mut self, tree: &gix::objs::Tree) -> Result<ObjectId, Error> {
        self.object(Kind::Tree, tree)
    }

    /// Adds a commit; gives the id that it will have.
    pub(crate) fn commit(&mut self, commit: &gix::objs::Commit) -> Result<ObjectId, Error> {
        self.object(Kind::Commit, commit)
    }

    fn object(&mut self, kind: Kind, object: &dyn WriteTo) -> Result<ObjectId, Error> {
        let mut data = Vec::new();
        object
            .write_to(&mut data)
            .map_err(|error| Error::Repository(error.to_string()))?;
        self.add(kind, data)
    }

    fn add(&mut self, kind: Kind, data: Vec<u8>) -> Result<ObjectId, Error> {
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, &data)
            .map_err(Error::repository)?;
        self.0.entry(id).or_insert((kind, data));
        Ok(id)
    }

    /// Writes what is not there yet.
    pub(crate) fn write(mut self, objects: &Objects) -> Result<(), Error> {
        let repo = objects.repo();
        self.0
            .retain(|id, _| !repo.objects.exists_without_refresh(id));
        if self.0.is_empty() {
            return Ok(());
        }
        let hash = repo.object_hash();
        let count = u32::try_from(self.0.len()).map_err(|_| {
            Error::Repository("one commit cannot hold more than 2^32 objects".to_owned())
        })?;
        let entries = self.0.iter().map(|(id, (kind, data))| {
            let data = Data::new(data, *kind, hash);
            Entry::from_data(&Count::from_data(*id, None), &data, Compression::BEST_SPEED)
                .map(|entry| vec![entry])
        });
        let mut pack = FromEntriesIter::new(entries, Vec::new(), count, Version::V2, hash);
        for written in &mut pack {
            written.map_err(Error::repository)?;
        }
        let folder = repo.common_dir().join("objects/pack");
        std::fs::create_dir_all(&folder)
            .map_err(Error::io("cannot make the clone's folder of packs"))?;
        let options = gix_pack::bundle::write::Options {
            thread_limit: Some(1),
            iteration_mode: Mode::AsIs,
            ..Default::default()
        };
        let written = gix_pack::Bundle::write_to_directory(
            &mut pack.into_write().as_slice(),
            Some(&folder),
            &mut gix::progress::Discard,
            &AtomicBool::new(false),
            None::<gix::OdbHandle>,
            hash,
            options,
        )
        .map_err(Error::repository)?;
        // Nobody collects garbage here, from which it would have to be kept.
        if let Some(keep) = written.keep_path {
            std::fs::remove_file(keep).map_err(Error::io("cannot remove a pack's `.keep`"))?;
        }
        Ok(())
    }
}
