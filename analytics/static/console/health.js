"use strict";

// The line on health: asked of /health/ itself, every half minute, so that it says what load balancers hear.
{
  const line = document.getElementById("health");
  const link = line.querySelector("a");

  const worded = (report) => {
    const checks = Object.entries(report.checks).map(([name, check]) =>
      check.ok ? `${name} ${check.latency_ms} ms` : `${name} away`);
    return [report.ready ? "Well" : "Not well", ...checks].join(" · ");
  };

  const look = async () => {
    try {
      const report = await (await fetch(line.dataset.from, { headers: { accept: "application/json" } })).json();
      const isWell = Object.values(report.checks).every((check) => check.ok);
      line.dataset.state = isWell ? "well" : "unwell";
      link.textContent = worded(report);
    } catch {
      line.dataset.state = "unwell";
      link.textContent = "Not reached";
    }
  };

  look();
  setInterval(look, 30_000);
}
