//! Statuses that the gRPC library words itself, in the words and codes that Zeebe's clients know:
//! a message that is too large, a method that there is not.

use super::MESSAGE_BYTES_MAX;
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::codegen::http::{HeaderValue, Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};

/// The layer around the service.
#[derive(Clone, Copy)]
pub(crate) struct Wording;

impl<S> Layer<S> for Wording {
    type Service = Worded<S>;

    fn layer(&self, inner: S) -> Worded<S> {
        Worded { inner }
    }
}

/// The service in the layer.
#[derive(Clone)]
pub(crate) struct Worded<S> {
    inner: S,
}

impl<S, Body, Answer> Service<Request<Body>> for Worded<S>
where
    S: Service<Request<Body>, Response = Response<Answer>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, ctx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(ctx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path().trim_start_matches('/').to_owned();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut answer = answer.await?;
            reword(&path, &mut answer);
            Ok(answer)
        })
    }
}

fn reword<Body>(path: &str, answer: &mut Response<Body>) {
    let Some(status) = Status::from_header_map(answer.headers()) else {
        return;
    };
    let status = match status.code() {
        Code::Unimplemented if status.message().is_empty() => {
            Status::unimplemented(format!("Method not found: {path}"))
        }
        Code::OutOfRange => match size_of_refused(status.message()) {
            Some(size) => Status::resource_exhausted(format!(
                "gRPC message exceeds maximum size {MESSAGE_BYTES_MAX}: {size}"
            )),
            None => return,
        },
        _ => return,
    };
    let headers = answer.headers_mut();
    headers.remove(Status::GRPC_MESSAGE);
    if status.add_header(headers).is_err() {
        // The texts above are headers; only a path could not be one.
        headers.insert(
            Status::GRPC_MESSAGE,
            HeaderValue::from_static("Method not found"),
        );
    }
}

/// The size in the library's "Error, decoded message length too large: found N bytes, ..".
fn size_of_refused(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("message length too large: found ")?;
    rest.split_once(' ').map(|(size, _)| size)
}
