//! Reading many blobs at once: in the order in which they lie in the packs, since most are the
//! difference to one nearby, and on a few threads. It knows nothing of what is in them.

use crate::Error;
use gix::ObjectId;
use gix::objs::Find as _;
use gix::odb::pack;
use std::num::NonZero;
use std::thread;

/// Memory of one thread for what others are the difference to, in bytes.
const BASES_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most threads: more wait for each other's memory.
const THREADS_MAX: usize = 4;
/// Most packs that are looked at for an order: a blob that is in none of them is read where it comes.
const PACKS_MAX: usize = 16;
/// Fewest blobs for which a thread, or a look at the packs, pays.
const BLOBS_PER_THREAD_MIN: usize = 256;

/// Visits the blobs, in any order and from several threads; gives what the visits gave, with the
/// places of the blobs in the list, in ascending order. The first fault ends it.
pub(super) fn visit<T: Send>(
    repo: &gix::Repository,
    blobs: &[ObjectId],
    visit: impl Fn(usize, &[u8]) -> Option<T> + Sync,
) -> Result<Vec<(usize, T)>, Error> {
    let order = match blobs.len() < BLOBS_PER_THREAD_MIN {
        true => (0..blobs.len()).collect(),
        false => pack_order(repo, blobs),
    };
    let threads = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(THREADS_MAX)
        .min(blobs.len() / BLOBS_PER_THREAD_MIN)
        .max(1);
    let read = |objects: gix::OdbHandle, places: &[usize]| {
        let mut found = Vec::new();
        let mut text = Vec::new();
        for place in places {
            let id = &blobs[*place];
            let object = objects
                .try_find(id, &mut text)
                .map_err(Error::repository)?
                .ok_or_else(|| Error::Repository(format!("object {id} is missing")))?;
            if object.kind != gix::objs::Kind::Blob {
                return Err(Error::Repository(format!("object {id} is no blob")));
            }
            found.extend(visit(*place, object.data).map(|value| (*place, value)));
        }
        Ok(found)
    };
    let mut found = if threads == 1 {
        read(objects_of(repo), &order)?
    } else {
        let shares = order.chunks(order.len().div_ceil(threads));
        thread::scope(|scope| {
            let readers: Vec<_> = shares
                .map(|share| (objects_of(repo), share))
                .map(|(objects, share)| scope.spawn(move || read(objects, share)))
                .collect();
            let mut found = Vec::new();
            for reader in readers {
                match reader.join() {
                    Ok(share) => found.append(&mut share?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok::<_, Error>(found)
        })?
    };
    found.sort_unstable_by_key(|(place, _)| *place);
    Ok(found)
}

/// The objects through caches that suit one pass over all of them.
fn objects_of(repo: &gix::Repository) -> gix::OdbHandle {
    let mut objects = repo.objects.clone();
    objects.unset_object_cache();
    objects
        .set_pack_cache(|| Box::new(pack::cache::lru::MemoryCappedHashmap::new(BASES_BYTES_MAX)));
    objects
}

/// The places of the blobs, ordered by where they lie; those in no pack last. It is but an order:
/// what cannot be looked up is read where it comes.
fn pack_order(repo: &gix::Repository, blobs: &[ObjectId]) -> Vec<usize> {
    let indices = pack_indices(repo);
    let mut recent = 0;
    let mut keyed: Vec<(usize, u64, usize)> = blobs
        .iter()
        .enumerate()
        .map(|(place, id)| {
            // Neighbours in a table are often neighbours in a pack.
            for step in 0..indices.len() {
                let number = (recent + step) % indices.len();
                if let Some(entry) = indices[number].lookup(id) {
                    recent = number;
                    return (number, indices[number].pack_offset_at_index(entry), place);
                }
            }
            (usize::MAX, 0, place)
        })
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, _, place)| place).collect()
}

/// The indices of the largest packs.
fn pack_indices(repo: &gix::Repository) -> Vec<pack::index::File<pack::MMap>> {
    let store = repo.objects.store_ref();
    let mut folders = vec![store.path().to_owned()];
    folders.extend(store.alternate_db_paths().unwrap_or_default());
    let mut paths = Vec::new();
    for folder in folders {
        let entries = folder.join("pack").read_dir();
        for entry in entries.into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "idx") {
                paths.push((entry.metadata().map_or(0, |file| file.len()), path));
            }
        }
    }
    paths.sort_unstable_by(|one, other| other.cmp(one));
    paths
        .into_iter()
        .take(PACKS_MAX)
        .filter_map(|(_, path)| pack::index::File::at(path, repo.object_hash()).ok())
        .collect()
}
