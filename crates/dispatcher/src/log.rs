//! The log of a run: what its binary prints, masked and bounded.
//!
//! Like a runner it obeys `::add-mask::VALUE`, whose value is hidden from then on and never
//! written itself, unless the line stands between `::stop-commands::WORD` and `::WORD::`.
//! Other workflow commands stay as text, for whoever shows the log.

use std::path::Path;

use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::sync::Mutex;

/// Most bytes kept of one attempt's output; a runner keeps more, a test store needs less.
pub(crate) const LOG_BYTES_MAX: u64 = 1024 * 1024;
/// Most bytes kept of a job summary (GitHub's limit for a step).
pub(crate) const SUMMARY_BYTES_MAX: usize = 1024 * 1024;
/// Most bytes kept of one line.
const LINE_BYTES_MAX: usize = 32 * 1024;
/// A shorter value would be found in ordinary text.
const MASK_CHARS_MIN: usize = 4;

/// What must not show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Masks(Vec<String>);

impl Masks {
    pub(crate) fn add(&mut self, value: &str) {
        for line in value.lines().map(str::trim) {
            if line.chars().count() >= MASK_CHARS_MIN && !self.0.iter().any(|mask| mask == line) {
                self.0.push(line.to_owned());
            }
        }
        // Longest first, so that a value which holds another one is hidden as a whole.
        self.0.sort_by_key(|mask| std::cmp::Reverse(mask.len()));
    }

    pub(crate) fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, mask| {
            if text.contains(mask.as_str()) {
                text.replace(mask.as_str(), "***")
            } else {
                text
            }
        })
    }

    fn longest(&self) -> usize {
        self.0.first().map_or(0, String::len)
    }
}

/// Takes the lines of both streams of a binary.
#[derive(Debug)]
pub(crate) struct Log {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    masks: Masks,
    left: u64,
    cut: bool,
    /// Set between `::stop-commands::WORD` and `::WORD::`.
    stopped_by: Option<String>,
}

impl Log {
    /// Opens the log for one more attempt.
    pub(crate) async fn append(path: &Path, masks: Masks) -> std::io::Result<Log> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .await?;
        Ok(Log {
            inner: Mutex::new(Inner {
                file,
                masks,
                left: LOG_BYTES_MAX,
                cut: false,
                stopped_by: None,
            }),
        })
    }

    /// Copies a stream until it ends.
    pub(crate) async fn copy(&self, stream: impl AsyncRead + Unpin) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let (mut line, mut is_cut) = (Vec::new(), false);
        loop {
            let chunk = stream.fill_buf().await?;
            if chunk.is_empty() {
                break;
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(chunk.len());
            let kept = taken.min(LINE_BYTES_MAX - line.len());
            line.extend_from_slice(&chunk[..kept]);
            is_cut |= kept < taken;
            stream.consume(end.map_or(taken, |end| end + 1));
            if end.is_some() {
                self.line(&line, is_cut).await?;
                (line, is_cut) = (Vec::new(), false);
            }
        }
        if !line.is_empty() {
            self.line(&line, is_cut).await?;
        }
        Ok(())
    }

    /// Writes a line of the dispatcher's own.
    pub(crate) async fn note(&self, text: &str) -> std::io::Result<()> {
        let mut inner = self.inner.lock().await;
        let text = inner.masks.hide(text);
        inner.file.write_all(format!("{text}\n").as_bytes()).await?;
        inner.file.flush().await
    }

    /// The masks with those that the binary added.
    pub(crate) async fn masks(&self) -> Masks {
        self.inner.lock().await.masks.clone()
    }

    async fn line(&self, line: &[u8], is_cut: bool) -> std::io::Result<()> {
        let mut inner = self.inner.lock().await;
        // A secret that the cut goes through would no longer be found.
        let shown = match is_cut {
            true => &line[..line.len() - inner.masks.longest().min(line.len())],
            false => line,
        };
        let mut text = inner.command(&String::from_utf8_lossy(shown));
        text.push_str(if is_cut { " [line cut]\n" } else { "\n" });
        if inner.cut {
            return Ok(());
        }
        if text.len() as u64 > inner.left {
            inner.cut = true;
            text = format!("[the rest is left out: more than {LOG_BYTES_MAX} bytes]\n");
        }
        inner.left = inner.left.saturating_sub(text.len() as u64);
        inner.file.write_all(text.as_bytes()).await?;
        inner.file.flush().await
    }
}

impl Inner {
    /// Obeys a command that concerns the log itself and gives the line as it may be shown.
    fn command(&mut self, line: &str) -> String {
        let trimmed = line.trim();
        if let Some(word) = &self.stopped_by {
            if trimmed == format!("::{word}::") {
                self.stopped_by = None;
            }
        } else if let Some(word) = trimmed.strip_prefix("::stop-commands::") {
            self.stopped_by = Some(word.to_owned());
        } else if let Some(value) = trimmed.strip_prefix("::add-mask::") {
            self.masks.add(&unescape(value));
            return "::add-mask::***".to_owned();
        }
        self.masks.hide(line.trim_end_matches('\r'))
    }
}

/// Undoes the escapes of a workflow command's value.
fn unescape(value: &str) -> String {
    value
        .replace("%0D", "\r")
        .replace("%0A", "\n")
        .replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn logged(output: &[u8], masks: Masks) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = Log::append(&path, masks).await.unwrap();
        log.copy(output).await.unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    #[tokio::test]
    async fn masks_are_obeyed_and_never_written() {
        let mut masks = Masks::default();
        masks.add("canary-one");
        let shown = logged(
            b"a canary-one\n::add-mask::canary%25two%0Acanary-three\nb canary%two canary-three\n::add-mask::abc\nabc",
            masks,
        )
        .await;
        assert_eq!(
            shown,
            "a ***\n::add-mask::***\nb *** ***\n::add-mask::***\nabc\n"
        );
    }

    #[tokio::test]
    async fn stopped_commands_are_text() {
        let shown = logged(
            b"::stop-commands::w0rd\n::add-mask::order\n::w0rd::\n::add-mask::secret\norder secret\n",
            Masks::default(),
        )
        .await;
        assert_eq!(
            shown,
            "::stop-commands::w0rd\n::add-mask::order\n::w0rd::\n::add-mask::***\norder ***\n"
        );
    }

    #[tokio::test]
    async fn long_lines_and_long_logs_are_cut() {
        let mut masks = Masks::default();
        masks.add("canary-one");
        let mut line = vec![b'x'; LINE_BYTES_MAX - 5];
        line.extend_from_slice(b"canary-one\nnext\n");
        let shown = logged(&line, masks).await;
        assert!(
            !shown.contains("cana"),
            "a secret on the edge of the cut shows"
        );
        assert!(
            shown.ends_with("xx [line cut]\nnext\n"),
            "{}",
            &shown[shown.len() - 40..]
        );

        let many = "y".repeat(1023) + "\n";
        let fits = logged(many.repeat(1024).as_bytes(), Masks::default()).await;
        assert_eq!(fits.len() as u64, LOG_BYTES_MAX);
        let more = logged((many.repeat(1024) + "z\nz\n").as_bytes(), Masks::default()).await;
        let end = "[the rest is left out: more than 1048576 bytes]\n";
        assert_eq!(more.strip_suffix(end), Some(fits.as_str()));
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_do_no_harm() {
        assert_eq!(
            logged(b"\xff\xfe\r\nok", Masks::default()).await,
            "\u{fffd}\u{fffd}\nok\n"
        );
    }
}
