//! The log without secrets: the last line of defence, should a text slip in elsewhere.

use std::io::{self, Write};
use std::sync::Arc;

use crate::mask::Mask;

/// A writer that hides secrets in what passes through it.
///
/// Each `write` is looked at by itself: whoever writes hands over whole lines, as the log's
/// formatter does.
pub struct Masked<W> {
    mask: Arc<Mask>,
    to: W,
}

impl<W: Write> Masked<W> {
    /// Hides in what goes to `to`.
    pub fn new(mask: Arc<Mask>, to: W) -> Masked<W> {
        Masked { mask, to }
    }
}

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.to.write_all(self.mask.hide(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_nothing_else() {
        let mut mask = Mask::default();
        mask.add("canary-secret");
        let mut out = Vec::new();
        let mut masked = Masked::new(Arc::new(mask), &mut out);
        writeln!(masked, "a line").unwrap();
        masked.write_all(b"token=canary-secret \xff\n").unwrap();
        assert_eq!(
            String::from_utf8_lossy(&out),
            "a line\ntoken=*** \u{fffd}\n"
        );
    }
}
