//! Where a value stands in a text, so that what is wrong with it can be shown there.

use super::Parser;

/// Line and column, from 1, of the key or list item that a JSON pointer names, in a text that was
/// read without a fault.
pub(crate) fn locate(text: &str, pointer: &str) -> Option<(usize, usize)> {
    let mut parser = Parser { text, at: 0 };
    parser.skip_space();
    let mut found = parser.at;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        found = match parser.peek()? {
            b'{' => parser.enter_object(&step)?,
            b'[' => parser.enter_array(step.parse().ok()?)?,
            _ => return None,
        };
    }
    let place = parser.fault_at(found, "");
    Some((place.line, place.column))
}

impl Parser<'_> {
    /// Goes to the value of a key; gives the key's place.
    fn enter_object(&mut self, wanted: &str) -> Option<usize> {
        loop {
            // After the brace, or a comma.
            self.at += 1;
            self.skip_space();
            if self.peek()? == b'}' {
                return None;
            }
            let start = self.at;
            let key = self.string().ok()?;
            self.skip_space();
            self.expect(b':', "':'").ok()?;
            self.skip_space();
            if key == wanted {
                return Some(start);
            }
            self.pass_value()?;
        }
    }

    fn enter_array(&mut self, wanted: usize) -> Option<usize> {
        for index in 0.. {
            self.at += 1;
            self.skip_space();
            if self.peek()? == b']' {
                return None;
            }
            if index == wanted {
                return Some(self.at);
            }
            self.pass_value()?;
        }
        None
    }

    /// Goes past a value to the comma after it; none where there is none.
    fn pass_value(&mut self) -> Option<()> {
        self.value(0).ok()?;
        self.skip_space();
        (self.peek()? == b',').then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_pointer() {
        let text =
            "{\n  \"a\": {\"x\": 1, \"b/c\": [1,\n  {\"d\": 2}]},\n  \"é\": {}, \"e~\": 3\n}";
        #[track_caller]
        fn check(text: &str, pointer: &str, expected: Option<(usize, usize)>) {
            assert_eq!(locate(text, pointer), expected, "{pointer}");
        }
        check(text, "", Some((1, 1)));
        check(text, "/a", Some((2, 3)));
        check(text, "/a/b~1c", Some((2, 17)));
        check(text, "/a/b~1c/0", Some((2, 25)));
        check(text, "/a/b~1c/1/d", Some((3, 4)));
        check(text, "/e~0", Some((4, 12)));
        check(text, "/a/b~1c/2", None);
        check(text, "/x", None);
        check(text, "/é/x", None);
        check(text, "/e~0/x", None);
    }
}
