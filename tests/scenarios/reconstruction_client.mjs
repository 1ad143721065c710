// A program that was written for the older API, as it is: BASE_URL FILE [SECONDS]
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

const [base, path, seconds = "5"] = process.argv.slice(2);

const form = new FormData();
form.append("file", new Blob([await readFile(path)]), basename(path));
form.append("resolution", "4");
const response = await fetch(`${base}/jobs`, { method: "POST", body: form });
let job = await response.json();
if (!response.ok) {
  console.log(job.detail);
  process.exit(2);
}
while (job.status === "queued" || job.status === "processing") {
  await new Promise((resolve) => setTimeout(resolve, 1000 * Number(seconds)));
  job = await (await fetch(`${base}/jobs/${job.job_id}`)).json();
  console.error(`${job.status} ${job.progress}% ${job.stage}`);
}
switch (job.status) {
  case "completed":
    console.log(JSON.stringify(job.result.report));
    break;
  case "failed":
    console.log(job.error);
    process.exitCode = 1;
    break;
  case "cancelled":
    console.log("cancelled");
    process.exitCode = 3;
    break;
  default:
    throw new Error(`what is ${job.status}?`);
}
