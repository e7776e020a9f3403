//! What of a page is run, and what it says comes out.
//!
//! A block fenced as `console` is a terminal: `$ ` starts a command, which goes on in the next line
//! where it ends in `\`; `^C` is that key; anything else is what is printed. A line `[...]` stands
//! for any number of lines. A block fenced as `sh` is typed somewhere else, and is not run.

/// A page as far as it is run.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
    /// Line, from 1, and text of each command that is not run.
    pub(super) typed: Vec<(usize, String)>,
}

/// Something that the reader types, and what is seen then.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    /// Its line in the page, from 1.
    pub(super) line: usize,
    /// The command as the shell gets it, or [`INTERRUPT`].
    pub(super) typed: String,
    pub(super) shown: Vec<String>,
    /// Line of the page, from 0, where what is shown begins.
    first_shown: usize,
}

/// Ctrl-C.
pub(super) const INTERRUPT: &str = "^C";

impl Script {
    pub(super) fn read(page: &str) -> Self {
        let mut script = Self {
            steps: Vec::new(),
            typed: Vec::new(),
        };
        let mut fence = None;
        let mut is_continued = false;
        for (number, line) in page.lines().enumerate() {
            if let Some(kind) = line.strip_prefix("```") {
                fence = match fence {
                    None => Some(kind),
                    Some(_) => None,
                };
                continue;
            }
            match fence {
                Some("console") if is_continued => {
                    let step = script.steps.last_mut().expect("a command is continued");
                    is_continued = continue_with(&mut step.typed, line);
                    step.first_shown = number + 1;
                }
                Some("console") => {
                    let command = line.strip_prefix("$ ");
                    if let Some(typed) = command.or((line == INTERRUPT).then_some(line)) {
                        let mut step = Step {
                            line: number + 1,
                            typed: String::new(),
                            shown: Vec::new(),
                            first_shown: number + 1,
                        };
                        is_continued = continue_with(&mut step.typed, typed);
                        script.steps.push(step);
                    } else {
                        let step = script.steps.last_mut().expect("a command comes first");
                        step.shown.push(line.to_owned());
                    }
                }
                Some("sh") if is_continued => {
                    let (_, command) = script.typed.last_mut().expect("a command is continued");
                    is_continued = continue_with(command, line);
                }
                Some("sh") => {
                    let mut command = String::new();
                    is_continued = continue_with(&mut command, line);
                    script.typed.push((number + 1, command));
                }
                _ => {}
            }
        }
        script
    }
}

/// Adds a line to a command; says whether there is more of it.
fn continue_with(command: &mut String, line: &str) -> bool {
    match line.strip_suffix('\\') {
        Some(line) => {
            command.push_str(line);
            true
        }
        None => {
            command.push_str(line);
            false
        }
    }
}

/// The page with what these steps print today.
pub(super) fn updated(page: &str, changes: &[(&Step, Vec<String>)]) -> String {
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    for (step, printed) in changes.iter().rev() {
        let end = step.first_shown + step.shown.len();
        lines.splice(step.first_shown..end, printed.iter().cloned());
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
text
```console
$ one --with \\
  more
first
second
$ two
```
```text
$ not this
```
```console
^C
gone
```
```sh
typed \\
  elsewhere
```
";

    #[test]
    fn reads_what_is_typed_and_what_is_shown() {
        let script = Script::read(PAGE);
        let steps: Vec<_> = script
            .steps
            .iter()
            .map(|step| (step.line, step.typed.as_str(), step.shown.join("|")))
            .collect();
        assert_eq!(
            steps,
            [
                (3, "one --with   more", "first|second".to_owned()),
                (7, "two", String::new()),
                (13, "^C", "gone".to_owned()),
            ]
        );
        assert_eq!(script.typed, [(17, "typed   elsewhere".to_owned())]);
    }

    #[test]
    fn an_update_changes_what_is_shown_and_nothing_else() {
        let script = Script::read(PAGE);
        let changes = [
            (&script.steps[0], vec!["new".to_owned()]),
            (&script.steps[1], vec!["more".to_owned(), "yet".to_owned()]),
        ];
        let expected = PAGE.replace("first\nsecond\n$ two", "new\n$ two\nmore\nyet");
        assert_eq!(updated(PAGE, &changes), expected);
    }
}
