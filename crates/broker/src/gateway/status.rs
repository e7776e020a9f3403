//! Answers of the engine's thread as gRPC statuses.

use crate::handle::NoAnswer;
use engine::Rejection;
use engine::record::RejectionCode;
use tonic::{Code, Status};

/// A rejection: Zeebe's text, with its code as gRPC's.
pub(super) fn of_rejection(rejection: &Rejection) -> Status {
    let code = match rejection.code {
        RejectionCode::NotFound => Code::NotFound,
        RejectionCode::AlreadyExists => Code::AlreadyExists,
        RejectionCode::InvalidArgument => Code::InvalidArgument,
        RejectionCode::InvalidState => Code::FailedPrecondition,
    };
    Status::new(code, rejection.to_string())
}

/// No answer at all.
pub(super) fn of_no_answer(no_answer: NoAnswer) -> Status {
    match no_answer {
        NoAnswer::Busy => Status::resource_exhausted(
            "Expected to handle request, but too many requests are in flight; retry later",
        ),
        NoAnswer::Stopped => Status::unavailable(
            "The broker is stopping; whether the request was carried out is not known",
        ),
    }
}
