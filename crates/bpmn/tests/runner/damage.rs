//! Damaged files are refused or still good, and never bring anything down.

use super::{models, repository};

const ROUNDS: usize = 400;

#[test]
fn cut_and_changed_models_are_judged_without_panic() {
    let seed = 0x0b90_0d5e;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut sources = models(&repository().join("workflows"));
    sources.extend(models(&repository().join("crates/bpmn/tests/compiled")));
    sources.extend(models(&repository().join("crates/bpmn/tests/models")));
    for round in 0..ROUNDS {
        let (name, xml) = &sources[random.usize(..sources.len())];
        let damaged = damage(xml, &mut random);
        let checked = bpmn::check(name, &damaged);
        let compiled = bpmn::compile(name, &damaged);
        drop(bpmn::diagram::parse(name, &damaged));
        assert!(
            checked.is_ok() || compiled.is_err(),
            "seed {seed} round {round}: {name} is refused and compiles all the same"
        );
        if let Err(refusal) = checked {
            assert!(
                !refusal.problems().is_empty(),
                "seed {seed} round {round}: {name}"
            );
        }
    }
}

fn damage(xml: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut xml = xml.to_vec();
    for _ in 0..random.usize(1..4) {
        if xml.len() < 2 {
            break;
        }
        let at = random.usize(..xml.len());
        match random.u8(..5) {
            0 => xml.truncate(at),
            1 => {
                let end = (at + random.usize(1..200)).min(xml.len());
                xml.drain(at..end);
            }
            2 => xml[at] = random.u8(..),
            3 => {
                // A name or a value somewhere takes another's place.
                let words: Vec<_> = xml.split(|b| !b.is_ascii_alphanumeric()).collect();
                let word = words[random.usize(..words.len())].to_vec();
                let end = (at + word.len()).min(xml.len());
                xml.splice(at..end, word);
            }
            _ => {
                // A line moves.
                let mut lines: Vec<_> = xml.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
                let line = lines.remove(random.usize(..lines.len()));
                lines.insert(random.usize(..=lines.len()), line);
                xml = lines.join(&b'\n');
            }
        }
    }
    xml
}
