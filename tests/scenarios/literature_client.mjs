// A program that was written for the older API, as it is: BASE_URL TOOL PARAMS [SECONDS]
const [base, tool, params, seconds = "5"] = process.argv.slice(2);

async function ask(method, url, body) {
  const response = await fetch(url, {
    method,
    headers: { "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return response.json();
}

let job = await ask("POST", `${base}/v1/jobs`, { tool, params: JSON.parse(params) });
console.error(`submitted ${job.job_id}`);
while (job.status === "pending" || job.status === "running") {
  await new Promise((resolve) => setTimeout(resolve, 1000 * Number(seconds)));
  job = await ask("GET", `${base}/v1/jobs/${job.job_id}`);
  console.error(`${job.status} ${Math.round(100 * job.progress)}%`);
}
switch (job.status) {
  case "completed":
    console.log(JSON.stringify(job.result));
    break;
  case "failed":
    console.log(job.error);
    process.exitCode = 1;
    break;
  case "cancelled":
    console.log("cancelled");
    process.exitCode = 2;
    break;
  default:
    throw new Error(`what is ${job.status}?`);
}
