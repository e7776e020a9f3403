//! Setting variables: in one scope, or going up to where they are known.

use crate::context::Context;
use crate::event::{Event, Variable};
use crate::key::Key;
use crate::state::Local;
use bpmn::ElementIdx;
use std::sync::Arc;

type Named = (Arc<str>, Arc<str>);

/// Sets variables in just this scope.
pub(crate) fn set_local(ctx: &mut Context<'_>, scope_key: Key, variables: &[Named]) {
    for (name, value) in variables {
        set_one(ctx, scope_key, name, value);
    }
}

/// Sets each variable in the nearest scope that has it, from `scope_key` outwards; one that no
/// scope has comes to be in the process instance's scope.
pub(crate) fn merge(ctx: &mut Context<'_>, scope_key: Key, variables: &[Named]) {
    for (name, value) in variables {
        let instances = ctx.state().element_instances();
        let holder = instances
            .scopes(scope_key)
            .find(|scope| scope.local(name).is_some())
            .or_else(|| instances.scopes(scope_key).last())
            .map(|scope| scope.key);
        if let Some(holder) = holder {
            set_one(ctx, holder, name, value);
        }
    }
}

/// Sets what an element is given from outside or made itself: in its own scope where it maps what it
/// lets out, else where [`merge`] puts it.
pub(crate) fn receive(ctx: &mut Context<'_>, element_key: Key, variables: &[Named]) {
    let Some(instance) = ctx.state().element_instances().get(element_key) else {
        return;
    };
    let element = &instance.element;
    let process = ctx.state().definitions().process(element.process_key);
    match process.element(ElementIdx(element.element)).outputs {
        Some(_) => set_local(ctx, element_key, variables),
        None => merge(ctx, element_key, variables),
    }
}

fn set_one(ctx: &mut Context<'_>, scope_key: Key, name: &Arc<str>, value: &Arc<str>) {
    let Some(scope) = ctx.state().element_instances().get(scope_key) else {
        return;
    };
    let variable = Variable {
        scope_key,
        process_instance_key: scope.element.process_instance_key,
        name: Arc::clone(name),
        value: Arc::clone(value),
    };
    match scope.local(name) {
        Some(local) if local.value == *value => {}
        Some(local) => {
            let key = local.key;
            ctx.emit(key, Event::VariableUpdated(variable));
        }
        None => {
            ctx.emit_new(Event::VariableCreated(variable));
        }
    }
}

/// The variables that a scope sees as a JSON object: the named ones, or all if none are named.
pub(crate) fn document(ctx: &Context<'_>, scope_key: Key, fetch: &[Arc<str>]) -> String {
    let instances = ctx.state().element_instances();
    if fetch.is_empty() {
        json_object(instances.visible_variables(scope_key).into_iter())
    } else {
        json_object(
            fetch
                .iter()
                .filter_map(|name| instances.variable(scope_key, name)),
        )
    }
}

fn json_object<'a>(variables: impl Iterator<Item = &'a Local>) -> String {
    let mut text = String::from("{");
    for variable in variables {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&json_string(&variable.name));
        text.push(':');
        text.push_str(&variable.value);
    }
    text.push('}');
    text
}

/// A text as a JSON string.
pub(crate) fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
