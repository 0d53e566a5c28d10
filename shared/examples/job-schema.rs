//! Prints the JSON Schema of jobs, for shared/job.schema.json.

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn main() -> Result<(), serde_json::Error> {
    let schema = thumbmill_shared::job::RenderJob::schema();
    println!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(())
}
