//! Archives whose bytes are a function of what is in them and of the commit's time alone.
//!
//! Entries are sorted by name; each has the commit's time, nobody as its owner, and one of two
//! modes. The compressors run on one thread, since their blocks would else depend on how many
//! there are.

use std::io::{Cursor, Write};

use anyhow::{Context, Result, bail};
use lzma_rust2::{XzOptions, XzWriter};

/// Six of nine is what `xz` takes: more costs memory to unpack, and saves a few per cent.
const XZ_PRESET: u32 = 6;

/// One file of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its path below the archive's one folder, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_program: bool,
}

impl Entry {
    pub(crate) fn text(path: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            bytes: text.into(),
            is_program: false,
        }
    }

    fn mode(&self) -> u32 {
        if self.is_program { 0o755 } else { 0o644 }
    }
}

/// The archive of `entries` in a folder named like the archive, in the format of its file name.
///
/// `time` is in seconds since 1970.
pub(crate) fn pack(file_name: &str, mut entries: Vec<Entry>, time: u64) -> Result<Vec<u8>> {
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    if let Some(two) = entries.windows(2).find(|two| two[0].path == two[1].path) {
        bail!("'{file_name}' would hold '{}' twice", two[0].path);
    }
    let packed = if let Some(folder) = file_name.strip_suffix(".tar.xz") {
        tar_xz(folder, &entries, time)
    } else if let Some(folder) = file_name.strip_suffix(".zip") {
        zip(folder, &entries, time)
    } else {
        bail!("'{file_name}' is neither a .tar.xz nor a .zip");
    };
    packed.with_context(|| format!("cannot pack '{file_name}'"))
}

fn tar_xz(folder: &str, entries: &[Entry], time: u64) -> Result<Vec<u8>> {
    let compressor = XzWriter::new(Vec::new(), XzOptions::with_preset(XZ_PRESET))?;
    let mut archive = tar::Builder::new(compressor);
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_path(format!("{folder}/{}", entry.path))?;
        header.set_size(entry.bytes.len() as u64);
        header.set_mode(entry.mode());
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        archive.append(&header, &entry.bytes[..])?;
    }
    Ok(archive.into_inner()?.finish()?)
}

fn zip(folder: &str, entries: &[Entry], time: u64) -> Result<Vec<u8>> {
    let time = zip_time(time)?;
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        let options = zip::write::SimpleFileOptions::default()
            .last_modified_time(time)
            .unix_permissions(entry.mode());
        archive.start_file(format!("{folder}/{}", entry.path), options)?;
        archive.write_all(&entry.bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// A zip has a date and a time of day, in even seconds, and no time zone: here that of UTC.
fn zip_time(seconds: u64) -> Result<zip::DateTime> {
    let time =
        jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_second(seconds.try_into()?)?);
    Ok(zip::DateTime::from_date_and_time(
        time.year().try_into()?,
        time.month().try_into()?,
        time.day().try_into()?,
        time.hour().try_into()?,
        time.minute().try_into()?,
        time.second().try_into()?,
    )?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// The time of a commit, as seconds since 1970: 2026-11-24T13:35:06Z.
    const TIME: u64 = 1_795_527_306;

    fn entries() -> Vec<Entry> {
        vec![
            Entry::text("b/readme", "hello"),
            Entry {
                path: "a".to_owned(),
                bytes: vec![7; 100_000],
                is_program: true,
            },
        ]
    }

    #[test]
    fn a_tar_says_nothing_of_machine_user_or_order() {
        let packed = pack("shop-t.tar.xz", entries(), TIME).unwrap();
        let mut reversed = entries();
        reversed.reverse();
        assert!(packed == pack("shop-t.tar.xz", reversed, TIME).unwrap());

        let mut bytes = Vec::new();
        lzma_rust2::XzReader::new(&packed[..], false)
            .read_to_end(&mut bytes)
            .unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let found: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                assert!(header.as_ustar().is_some());
                assert_eq!(header.mtime().unwrap(), TIME);
                assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
                assert_eq!(header.username().unwrap(), Some(""));
                let path = entry.path().unwrap().display().to_string();
                (path, header.mode().unwrap(), entry.size())
            })
            .collect();
        assert_eq!(
            found,
            [
                ("shop-t/a".to_owned(), 0o755, 100_000),
                ("shop-t/b/readme".to_owned(), 0o644, 5)
            ]
        );
    }

    #[test]
    fn a_zip_has_the_commits_time_and_the_same_bytes_again() {
        let packed = pack("shop-t.zip", entries(), TIME).unwrap();
        assert!(packed == pack("shop-t.zip", entries(), TIME).unwrap());
        let mut archive = zip::ZipArchive::new(Cursor::new(&packed)).unwrap();
        let names: Vec<_> = archive
            .file_names()
            .map(|name| name.unwrap().into_owned())
            .collect();
        assert_eq!(names, ["shop-t/a", "shop-t/b/readme"]);
        let mut file = archive.by_name("shop-t/b/readme").unwrap();
        assert_eq!(
            file.last_modified().unwrap().to_string(),
            "2026-11-24 13:35:06"
        );
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    }

    #[test]
    fn one_path_twice_or_another_format_is_refused() {
        let twice = vec![Entry::text("a", "1"), Entry::text("a", "2")];
        let error = pack("x.tar.xz", twice, TIME).unwrap_err().to_string();
        assert_eq!(error, "'x.tar.xz' would hold 'a' twice");
        assert!(pack("x.rar", Vec::new(), TIME).is_err());
    }
}
