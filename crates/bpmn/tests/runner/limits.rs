//! Files at the limits and beyond.

use super::model;

/// As in `xml.rs`.
const BYTES_MAX: usize = 4 * 1024 * 1024;
const DEPTH_MAX: usize = 256;

fn refusal(xml: &str) -> String {
    bpmn::check("a.bpmn", xml.as_bytes())
        .expect_err("it is too much")
        .to_string()
}

#[test]
fn a_file_of_the_largest_size_is_read_and_a_larger_one_is_not() {
    let small = model("<startEvent id=\"s\" />", "");
    let filled = |bytes: usize| format!("{small}{}", " ".repeat(bytes - small.len()));
    assert!(bpmn::check("a.bpmn", filled(BYTES_MAX).as_bytes()).is_ok());
    assert_eq!(
        refusal(&filled(BYTES_MAX + 1)),
        "'a.bpmn': the file has 4194305 bytes, and at most 4194304 are read"
    );
}

/// Sub-processes in one another; the definitions and the process are two levels more.
fn nested(levels: usize) -> String {
    let open = (0..levels)
        .map(|level| format!("<subProcess id=\"p{level}\"><startEvent id=\"s{level}\" />"));
    let open: String = open.collect();
    let close = "</subProcess>".repeat(levels);
    model(&format!("<startEvent id=\"s\" />{open}{close}"), "")
}

#[test]
fn the_deepest_nesting_compiles_and_one_deeper_does_not() {
    let deepest = nested(DEPTH_MAX - 3);
    let processes = bpmn::compile("a.bpmn", deepest.as_bytes()).unwrap();
    assert_eq!(processes[0].elements.len(), 2 + 2 * (DEPTH_MAX - 3));
    assert_eq!(
        refusal(&nested(DEPTH_MAX - 2)),
        "'a.bpmn': elements are nested deeper than 256 levels"
    );
}

#[test]
fn two_hundred_thousand_nested_elements_are_refused_without_harm() {
    let xml = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
    assert!(refusal(&xml).contains("nested deeper"));
    let unclosed = "<a>".repeat(200_000);
    assert!(refusal(&unclosed).contains("must start and end within the same entity"));
}

#[test]
fn a_wide_model_compiles() {
    let tasks: String = (0..10_000)
        .map(|n| {
            format!(
                "<task id=\"t{n}\" /><sequenceFlow id=\"f{n}\" sourceRef=\"t{n}\" targetRef=\"t{}\" />",
                n + 1
            )
        })
        .collect();
    let xml = model(
        &format!("<startEvent id=\"s\" />{tasks}<task id=\"t10000\" />"),
        "",
    );
    assert_eq!(
        bpmn::compile("a.bpmn", xml.as_bytes()).unwrap()[0]
            .flows
            .len(),
        10_000
    );
}

#[test]
fn a_target_with_very_many_names_is_refused() {
    let mapping = |names: usize| {
        let target = vec!["a"; names].join(".");
        let mapping = format!(
            "<task id=\"t\"><extensionElements><zeebe:ioMapping><zeebe:input source=\"=1\" \
             target=\"{target}\" /></zeebe:ioMapping></extensionElements></task>"
        );
        model(&format!("<startEvent id=\"s\" />{mapping}"), "")
    };
    assert!(bpmn::compile("a.bpmn", mapping(32).as_bytes()).is_ok());
    assert!(refusal(&mapping(33)).contains("at most 32 names"));
    assert!(refusal(&mapping(1_000_000)).contains("at most 32 names"));
}

#[test]
fn other_encodings_are_read_or_named() {
    let text = model("<startEvent id=\"s\" name=\"Größe\" />", "");
    let utf16 = |to_bytes: fn(u16) -> [u8; 2], mark: [u8; 2]| {
        let units = text.encode_utf16().flat_map(to_bytes);
        mark.into_iter().chain(units).collect::<Vec<_>>()
    };
    for bytes in [
        utf16(u16::to_le_bytes, [0xff, 0xfe]),
        utf16(u16::to_be_bytes, [0xfe, 0xff]),
        [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat(),
    ] {
        let processes = bpmn::compile("a.bpmn", &bytes).unwrap();
        assert_eq!(processes[0].elements[1].name.as_deref(), Some("Größe"));
    }
    let latin1: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap()).collect();
    assert_eq!(
        bpmn::check("a.bpmn", &latin1).unwrap_err().to_string(),
        "'a.bpmn': Fatal Error: URI=null Line=2: the text is not UTF-8; save the file as UTF-8"
    );
    let odd = [0xff, 0xfe, 0x3c];
    assert!(
        bpmn::check("a.bpmn", &odd)
            .unwrap_err()
            .to_string()
            .contains("not UTF-16")
    );
}
