import { readFileSync, readdirSync, existsSync } from "node:fs";
import { test, expect } from "vitest";
import { parseConfig } from "../../engine/config.ts";
import { referenceOps } from "../../engine/ops/reference/index.ts";
import { memorySource } from "../../engine/weights/byte-source.ts";
import { openCheckpoint } from "../../engine/weights/checkpoint.ts";
import { readHeader } from "../../engine/weights/safetensors.ts";
import { fromBf16, fromE4m3, fromF16, toBf16, toE4m3, toF16, decode } from "../../engine/weights/dtypes.ts";
import { loadWeights } from "../../engine/weights/load.ts";
import { fileCheckpoint } from "../../tools/file-source.ts";
async function all(file: string) {
  const s = memorySource(file, new Uint8Array(readFileSync(file)));
  const h = await readHeader(s); const out: Record<string, any> = {};
  for (const [n, e] of h.tensors) { const b = (await s.read(e.offset, e.length)).slice();
    out[n] = e.dtype === "F32" ? new Float32Array(b.buffer) : e.dtype === "U8" ? b : new Uint16Array(b.buffer); }
  return out;
}
test("dtypes", async () => {
  const d = await all("/tmp/orc/dtypes.bin");
  let bad = 0;
  for (let i = 0; i < 256; i++) if (!Object.is(fromE4m3(i), d.e4[i])) bad++;
  for (let i = 0; i < 65536; i++) { if (!Object.is(fromF16(i), d.hf[i])) bad++; if (!Object.is(fromBf16(i), d.bf[i])) bad++; }
  expect(bad).toBe(0);
  d.x.forEach((x: number, i: number) => { if (Number.isNaN(x)) { return; }
    if (toE4m3(x) !== d.xe4[i] || toF16(x) !== d.xh[i] || toBf16(x) !== d.xb[i]) { if (bad++ < 5) console.log(x, toE4m3(x), d.xe4[i], toF16(x), d.xh[i], toBf16(x), d.xb[i]); } });
  expect(bad).toBe(0);
});
for (const name of readdirSync("/tmp/orc")) {
  const dir = `/tmp/orc/${name}`;
  if (!existsSync(`${dir}/config.json`)) continue;
  test(name, async () => {
    const c = parseConfig(JSON.parse(readFileSync(`${dir}/config.json`, "utf8")));
    const f = fileCheckpoint(dir);
    const w = await loadWeights(referenceOps(), c, await openCheckpoint(f));
    await f.close();
    const ref = await all(`${dir}/ref.bin`);
    const eq = (a: any, n: string) => { if (!ref[n]) throw n; expect(Buffer.compare(Buffer.from(a.home.buffer), Buffer.from(ref[n].buffer)), n).toBe(0); };
    eq(w.embedTokens, "model.embed_tokens.weight"); eq(w.lmHead, "lm_head.weight");
    const ls: any[] = [...w.layers, ...(w.mtp ? [w.mtp.layer] : [])];
    ls.forEach((l, i) => { const p = `model.layers.${i}.`;
      eq(l.attn.kvAProj, p + "self_attn.kv_a_proj_with_mqa.weight"); eq(l.attn.oProj, p + "self_attn.o_proj.weight");
      const kv = ref[p + "self_attn.kv_b_proj.weight"]; const [H, C, N] = l.attn.kUp.shape; const V = l.attn.vUp.shape[1];
      for (let h = 0; h < H; h++) for (let cc = 0; cc < C; cc++) { for (let n = 0; n < N; n++) if (l.attn.kUp.home[(h * C + cc) * N + n] !== kv[(h * (N + V) + n) * C + cc]) throw "k";
        for (let n = 0; n < V; n++) if (l.attn.vUp.home[(h * V + n) * C + cc] !== kv[(h * (N + V) + N + n) * C + cc]) throw "v"; }
      if (l.indexer) eq(l.indexer.wqB, p + "self_attn.indexer.wq_b.weight");
      if (l.ffn.kind === "sparse") { const [E, M, D] = l.ffn.experts.gate.shape;
        for (let e = 0; e < E; e++) for (const k of ["gate", "up", "down"]) { const a = l.ffn.experts[k].home.subarray(e * M * D, (e + 1) * M * D); const b = ref[`${p}mlp.experts.${e}.${k}_proj.weight`];
          if (Buffer.compare(Buffer.from(a.slice().buffer), Buffer.from(b.buffer))) throw k + e; }
        eq(l.ffn.shared.up, p + "mlp.shared_experts.up_proj.weight"); eq(l.ffn.eScoreCorrectionBias, p + "mlp.gate.e_score_correction_bias"); }
    });
  });
}
