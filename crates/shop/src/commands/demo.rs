//! stub
use super::*;
/// Tell
#[derive(clap::Args)]
pub(crate) struct Args {}
pub(crate) async fn run(
    _: Args,
    _: shop::folder::Folder,
    _: &messaging::settings::Flags,
    _: bool,
) -> Result<std::process::ExitCode> {
    Ok(std::process::ExitCode::SUCCESS)
}
