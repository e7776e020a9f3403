//! What a model's XML says of the authentication fields of its elements.
//!
//! Read from the XML itself, not compiled: a cluster may have deployed what this project's own
//! engine refuses.

use std::collections::BTreeMap;

use roxmltree::{Document, Node};

use crate::placeholder::{self, Spelling};
use crate::secrets::{Field, NAMESPACE};

const BPMN: &str = "http://www.omg.org/spec/BPMN/20100524/MODEL";
const ZEEBE: &str = "http://camunda.org/schema/zeebe/1.0";
/// The variable whose fields may hold secrets.
const AUTHENTICATION: &str = "authentication";

/// By an element's id, what it names; elements that name nothing are left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Elements(BTreeMap<String, Vec<Placeholder>>);

/// `{{secrets.NAME}}` in the source of an input.
#[derive(Debug, PartialEq, Eq)]
struct Placeholder {
    /// The input's target: `authentication`, or a field of it.
    target: String,
    name: String,
}

impl Elements {
    /// Whether an element writes this placeholder into this field, or into all of
    /// `authentication` at once.
    pub(super) fn names(&self, element_id: &str, field: Field, name: &str) -> bool {
        let placeholders = self.0.get(element_id).map(Vec::as_slice);
        placeholders.unwrap_or_default().iter().any(|placeholder| {
            let whole_or_field = match placeholder.target.split_once('.') {
                None => true,
                Some((_, target)) => target == field.name(),
            };
            whole_or_field && placeholder.name == name
        })
    }
}

/// The processes of a file: id, and what its elements name.
pub(super) fn processes(xml: &str) -> Result<Vec<(String, Elements)>, roxmltree::Error> {
    let document = Document::parse(xml)?;
    let processes = document
        .descendants()
        .filter(|node| node.has_tag_name((BPMN, "process")))
        .filter_map(|node| Some((node.attribute("id")?.to_owned(), elements(node))));
    Ok(processes.collect())
}

fn elements(process: Node<'_, '_>) -> Elements {
    let elements = process.descendants().filter_map(|element| {
        let id = element.attribute("id")?;
        let placeholders: Vec<_> = inputs(element).flat_map(placeholders).collect();
        (!placeholders.is_empty()).then(|| (id.to_owned(), placeholders))
    });
    Elements(elements.collect())
}

/// The inputs of an element itself, not of those within it.
fn inputs<'a>(element: Node<'a, 'a>) -> impl Iterator<Item = Node<'a, 'a>> {
    let within = |name: &'static str, namespace: &'static str| {
        move |node: Node<'a, 'a>| {
            node.children()
                .filter(move |child| child.has_tag_name((namespace, name)))
        }
    };
    Some(element)
        .into_iter()
        .flat_map(within("extensionElements", BPMN))
        .flat_map(within("ioMapping", ZEEBE))
        .flat_map(within("input", ZEEBE))
}

fn placeholders(input: Node<'_, '_>) -> Vec<Placeholder> {
    let target = input.attribute("target").unwrap_or_default().trim();
    let first = target.split('.').next();
    if first != Some(AUTHENTICATION) {
        return Vec::new();
    }
    let source = input.attribute("source").unwrap_or_default();
    let names = placeholder::names(source, Spelling::Braces);
    let names = names.filter_map(|name| name.strip_prefix(NAMESPACE));
    names
        .map(|name| Placeholder {
            target: target.to_owned(),
            name: name.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(inputs: &str) -> Elements {
        let xml = format!(
            r#"<b:definitions xmlns:b="{BPMN}" xmlns:z="{ZEEBE}"><b:process id="p">
                <b:subProcess id="outer"><b:extensionElements><z:ioMapping>
                    <z:input source="{{{{secrets.Outer}}}}" target="authentication.token"/>
                </z:ioMapping></b:extensionElements>
                <b:serviceTask id="task"><b:extensionElements><z:ioMapping>{inputs}</z:ioMapping></b:extensionElements></b:serviceTask>
                </b:subProcess></b:process><b:process id="q"/></b:definitions>"#
        );
        let mut processes = processes(&xml).unwrap();
        assert_eq!(processes.len(), 2);
        processes.remove(0).1
    }

    #[test]
    fn what_an_element_names() {
        let model = model(
            r#"<z:input source="{{secrets.A}}" target="authentication.token"/>
               <z:input source="=&quot;x {{secrets.B}} {{ secrets.C }}&quot;" target="authentication.password"/>
               <z:input source="={{secrets.H}}" target="headers.Authorization"/>
               <z:input source="=variable" target="authentication.username"/>
               <z:input source="{{D}} secrets.E" target="authentication.value"/>
               <z:input source="{{secrets.F}}" target="authenticationX.token"/>"#,
        );
        let named = |field, name| model.names("task", field, name);
        assert!(named(Field::Token, "A"));
        assert!(named(Field::Password, "B") && named(Field::Password, "C"));
        for (field, name) in [
            (Field::Password, "A"),
            (Field::Token, "B"),
            (Field::Token, "H"),
            (Field::Username, "A"),
            (Field::Value, "D"),
            (Field::Value, "E"),
            (Field::Token, "F"),
            (Field::Token, "Outer"),
        ] {
            assert!(!named(field, name), "{field:?} {name}");
        }
        assert!(!model.names("elsewhere", Field::Token, "A"));
        assert!(model.names("outer", Field::Token, "Outer"));
    }

    #[test]
    fn a_whole_context_names_for_each_field() {
        let source = r#"={type: &quot;basic&quot;, username: &quot;{{secrets.U}}&quot;, password: password}"#;
        let model = model(&format!(
            r#"<z:input source="{source}" target="authentication"/>"#
        ));
        assert!(model.names("task", Field::Username, "U"));
        assert!(!model.names("task", Field::Password, "P"));
    }

    #[test]
    fn what_is_no_model() {
        for text in [
            "",
            "{}",
            "<a>",
            "<!DOCTYPE a [<!ENTITY b SYSTEM \"c\">]><a>&b;</a>",
        ] {
            assert!(processes(text).is_err(), "{text}");
        }
        assert!(processes("<a/>").unwrap().is_empty());
    }
}
