//! A stand-in for `tonic-build`, as far as the build script of `zeebe-rs` calls it.
//!
//! The real crate runs `protoc`, which a machine with nothing but Rust and a C compiler does not
//! have. This one reads the `.proto` with `protox`, a compiler written in Rust, and writes client
//! stubs alone: `zeebe-rs` serves nothing. It knows unary and server-streaming calls, since the
//! gateway protocol has no others, and stops the build on any other.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// Compiles one `.proto` file to client stubs in `OUT_DIR`.
///
/// # Errors
/// When the file cannot be read or is no valid proto, or the output cannot be written.
pub fn compile_protos(proto: impl AsRef<Path>) -> io::Result<()> {
    let proto = proto.as_ref();
    let folder = proto.parent().unwrap_or_else(|| Path::new("."));
    configure().compile_protos(&[proto], &[folder])
}

/// Starts a configuration, as in `tonic-build`.
pub fn configure() -> Builder {
    Builder {}
}

/// What little can be configured: nothing of it changes the output.
#[derive(Debug, Clone)]
pub struct Builder {}

impl Builder {
    /// Takes an argument meant for `protoc`; there is none here, so it has no effect.
    #[must_use]
    pub fn protoc_arg(self, _argument: impl AsRef<str>) -> Self {
        self
    }

    /// Compiles the files, looking for imports in `includes`.
    ///
    /// # Errors
    /// As [`compile_protos`].
    pub fn compile_protos(
        self,
        protos: &[impl AsRef<Path>],
        includes: &[impl AsRef<Path>],
    ) -> io::Result<()> {
        for proto in protos {
            println!("cargo:rerun-if-changed={}", proto.as_ref().display());
        }
        let files = protox::compile(protos, includes).map_err(io::Error::other)?;
        prost_build::Config::new()
            .service_generator(Box::new(ClientStubs))
            .compile_fds(files)
    }
}

struct ClientStubs;

impl prost_build::ServiceGenerator for ClientStubs {
    fn generate(&mut self, service: prost_build::Service, out: &mut String) {
        let module = snake_case(&service.proto_name);
        let full_name = format!("{}.{}", service.package, service.proto_name);
        let mut methods = String::new();
        for method in &service.methods {
            assert!(
                !method.client_streaming,
                "{full_name}/{}: client streaming is not supported by this stand-in for tonic-build",
                method.proto_name
            );
            let (call, answer) = if method.server_streaming {
                (
                    "server_streaming",
                    format!("tonic::codec::Streaming<super::{}>", method.output_type),
                )
            } else {
                ("unary", format!("super::{}", method.output_type))
            };
            write!(
                methods,
                r#"
        pub async fn {name}(&mut self, request: impl tonic::IntoRequest<super::{input}>)
            -> std::result::Result<tonic::Response<{answer}>, tonic::Status> {{
            self.inner.ready().await.map_err(|e| tonic::Status::unknown(format!("service was not ready: {{}}", e.into())))?;
            let path = http::uri::PathAndQuery::from_static("/{full_name}/{proto_name}");
            let mut request = request.into_request();
            request.extensions_mut().insert(GrpcMethod::new("{full_name}", "{proto_name}"));
            self.inner.{call}(request, path, tonic::codec::ProstCodec::default()).await
        }}"#,
                name = method.name,
                input = method.input_type,
                proto_name = method.proto_name,
            )
            .expect("writing to a String cannot fail");
        }
        write!(
            out,
            r#"
/// Generated client stubs.
pub mod {module}_client {{
    #![allow(unused_variables, dead_code, missing_docs, clippy::wildcard_imports)]
    use tonic::codegen::*;

    #[derive(Debug, Clone)]
    pub struct {name}Client<T> {{
        inner: tonic::client::Grpc<T>,
    }}

    impl<T> {name}Client<T>
    where
        T: tonic::client::GrpcService<tonic::body::BoxBody>,
        T::Error: Into<StdError>,
        T::ResponseBody: Body<Data = Bytes> + std::marker::Send + 'static,
        <T::ResponseBody as Body>::Error: Into<StdError> + std::marker::Send,
    {{
        pub fn new(inner: T) -> Self {{
            Self {{ inner: tonic::client::Grpc::new(inner) }}
        }}

        pub fn with_interceptor<F>(inner: T, interceptor: F) -> {name}Client<InterceptedService<T, F>>
        where
            F: tonic::service::Interceptor,
            T::ResponseBody: Default,
            T: tonic::codegen::Service<
                http::Request<tonic::body::BoxBody>,
                Response = http::Response<<T as tonic::client::GrpcService<tonic::body::BoxBody>>::ResponseBody>,
            >,
            <T as tonic::codegen::Service<http::Request<tonic::body::BoxBody>>>::Error:
                Into<StdError> + std::marker::Send + std::marker::Sync,
        {{
            {name}Client::new(InterceptedService::new(inner, interceptor))
        }}
{methods}
    }}
}}
"#,
            name = service.name,
        )
        .expect("writing to a String cannot fail");
    }
}

/// `GatewayService` to `gateway_service`.
fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}
