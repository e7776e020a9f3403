//! Which command is which. What a command does stands in a file of its own.

use super::common::Common;
use super::operations::Operation;
use super::{
    compact, diff, export, find, fsck, get, history, import, merge_driver, operations, reshard,
    restore, schema, transaction, watch,
};
use crate::failure::Failure;
use clap::Subcommand;
use serde_json::Value;

// The ten operations are named as in the original GhettoHub DB.
#[derive(Debug, Subcommand)]
#[command(rename_all = "lower")]
pub(super) enum Command {
    /// Makes an empty bare repository, unless there is one.
    Init(operations::Init),
    /// Gives the first record that matches, or null.
    FindOne(find::Find),
    /// Gives all records that match.
    FindMany(find::FindMany),
    /// Gives the number of records that match.
    Count(find::Count),
    /// Updates the record that matches, or inserts one.
    Upsert(operations::Write),
    /// Updates the first record that matches; gives it, or null.
    UpdateOne(operations::Write),
    /// Updates all records that match; gives them.
    UpdateMany(operations::Write),
    /// Deletes the first record that matches; gives it, or null.
    DeleteOne(operations::Write),
    /// Deletes all records that match; gives them.
    DeleteMany(operations::Write),
    /// Deletes a table.
    DropTable(operations::Write),
    /// Deletes all tables.
    DropDb(operations::Write),
    /// Runs several operations on several tables as one commit, all or nothing.
    Transaction(transaction::Transaction),
    /// Squashes old history into one commit; the old tip is tagged.
    Compact(compact::Compact),
    /// Gives a record by its `_id`, or null; as it is, or as it was.
    Get(get::Get),
    /// Lists the commits that changed a record, newest first.
    History(history::History),
    /// Lists the records and fields that differ between two places of the history.
    Diff(diff::Diff),
    /// Puts a record, or a table, back as it was.
    Restore(restore::Restore),
    /// Prints changes as they arrive, one line each.
    Watch(watch::Watch),
    /// Exports tables as NDJSON, CSV or a SQLite database.
    Export(export::Export),
    /// Imports the records of a file as one commit, all or nothing.
    Import(import::Import),
    /// Merges a record's file by field, as git's merge driver; --install makes it that.
    #[command(name = "merge-driver")]
    MergeDriver(merge_driver::MergeDriver),
    /// Shows, sets or removes the rules of a table: its JSON Schema and unique fields.
    Schema(schema::Schema),
    /// Moves the files of a table to the other layout, in one commit.
    Reshard(reshard::Reshard),
    /// Names every problem of the tip; exit code 1 if an error is left.
    Fsck(fsck::Fsck),
}

/// Gives the result of a command, if it has one beside what it has printed.
pub(super) fn execute(command: Command, common: Common) -> Result<Option<Value>, Failure> {
    let result = match command {
        Command::Init(init) => init.run(&common),
        Command::FindOne(find) => find.one(&common),
        Command::FindMany(find) => find.run(&common),
        Command::Count(count) => count.run(&common),
        Command::Upsert(write) => write.run(Operation::Upsert, &common),
        Command::UpdateOne(write) => write.run(Operation::UpdateOne, &common),
        Command::UpdateMany(write) => write.run(Operation::UpdateMany, &common),
        Command::DeleteOne(write) => write.run(Operation::DeleteOne, &common),
        Command::DeleteMany(write) => write.run(Operation::DeleteMany, &common),
        Command::DropTable(write) => write.run(Operation::DropTable, &common),
        Command::DropDb(write) => write.run(Operation::DropDb, &common),
        Command::Transaction(transaction) => transaction.run(&common),
        Command::Schema(schema) => schema.run(&common),
        Command::Reshard(reshard) => reshard.run(&common),
        Command::Fsck(fsck) => fsck.run(&common),
        Command::Compact(compact) => compact.run(&common),
        Command::Get(get) => get.run(&common),
        Command::History(history) => history.run(&common),
        Command::Diff(diff) => diff.run(&common),
        Command::Restore(restore) => restore.run(&common),
        Command::Watch(watch) => return watch.run(&common).map(|()| None),
        Command::Import(import) => import.run(&common),
        Command::Export(export) => return export.run(&common),
        Command::MergeDriver(driver) => return driver.run(),
    };
    result.map(Some)
}
