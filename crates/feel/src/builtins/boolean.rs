//! Truth and absence.

use super::{fault, illegal};
use crate::Value;
use crate::eval::{Answer, Evaluator};

pub(super) fn not(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    Ok(match arguments {
        [Value::Boolean(b)] => (!b).into(),
        _ => Value::Null,
    })
}

pub(super) fn is_defined(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    Ok((arguments != [Value::Null]).into())
}

pub(super) fn get_or_else(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::Null, value] | [value, _] => Ok(value.clone()),
        other => illegal(other),
    }
}

pub(super) fn assert(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [value, Value::Boolean(true), ..] => Ok(value.clone()),
        [_, _] => fault("The condition is not fulfilled"),
        [_, _, Value::String(cause)] => fault(&**cause),
        other => illegal(other),
    }
}
