/**
 * The engine's public surface.
 * @module glm52.ts/engine
 */

export type { Aside } from "./base/aside.ts";
export {
  ArgumentError,
  type ErrorCode,
  type Explained,
  GlmError,
  isExplained,
  MemoryError,
  OverflowError,
} from "./base/errors.ts";
export {
  LAYER_STAGES,
  MODEL_STAGES,
  MTP_STAGES,
  newTap,
  noTaps,
  type Stage,
  type Tap,
  type Taps,
} from "./base/tap.ts";
export {
  type Dims,
  describe,
  type Floats,
  type Indices,
  type Shape,
  ShapeError,
  type Tensor,
  type Weight,
} from "./base/tensor.ts";
export type {
  AdmittedEvent,
  EndEvent,
  FailedEvent,
  Job,
  JobEvent,
  JobId,
  PrefillEvent,
  PromptEvent,
  PromptToken,
  TokenEvent,
  TraceEvent,
} from "./batch/job.ts";
export type { RowsOf, SchedulerLoad, StepReport } from "./batch/report.ts";
export type { StepSize } from "./batch/row-shares.ts";
export { type TracedRows, type TraceShape, type TraceWish, traceShape } from "./batch/row-trace.ts";
export { Scheduler, type SchedulerOptions } from "./batch/scheduler.ts";
export {
  ConfigError,
  type ConfigOptions,
  type ConfigReading,
  parseConfig,
  readConfig,
} from "./config/config.ts";
export type { IndexerType, MlpLayerType, ModelConfig } from "./config/model-config.ts";
export type { Quantization } from "./config/quantization.ts";
export { UnknownKeys } from "./config/unknown-keys.ts";
export { TokenError } from "./generate/check-tokens.ts";
export { type Constraint, ConstraintError, isAllowed } from "./generate/constraint.ts";
export { type Draft, DraftHead, type DraftTaps } from "./generate/draft-head.ts";
export {
  type FinishReason,
  type GeneratedToken,
  type GenerateOptions,
  generate,
  type LikelyToken,
} from "./generate/generate.ts";
export { LayerPass, type PassResult, type PassState } from "./generate/layer-pass.ts";
export { type Random, resumedRandom, type SeededRandom, seededRandom } from "./generate/random.ts";
export {
  argmax,
  type ChoiceNow,
  checkSampling,
  distribution,
  draw,
  logProbs,
  SamplingError,
  type SamplingOptions,
  topIds,
} from "./generate/sampler.ts";
export { Session } from "./generate/session.ts";
export type { SessionOptions, SyncResult } from "./generate/session-options.ts";
export type {
  DraftRound,
  GuessedToken,
  JudgedGuess,
  OnDraftRound,
  Replacement,
  RoundToken,
} from "./generate/speculate.ts";
export { StopStrings } from "./generate/stop-strings.ts";
export { CacheError, CacheFullError } from "./kv/cache-error.ts";
export type { RowFormat } from "./kv/geometry.ts";
export type { HotRows, Tier, TierCounts } from "./kv/hot-rows.ts";
export type { IndexCache } from "./kv/index-cache.ts";
export type { LatentCache } from "./kv/latent-cache.ts";
export {
  type ModelCache,
  newDraftCache,
  newModelCache,
  newPagePool,
  type OwnCache,
} from "./kv/model-cache.ts";
export type { KeptText } from "./kv/page-keeper.ts";
export type { LayerPlace, PageFormat, PageLayout, Strip } from "./kv/page-layout.ts";
export { PagePool, type PoolOptions } from "./kv/page-pool.ts";
export type { PageTable } from "./kv/page-table.ts";
export type { PrefixIndex } from "./kv/prefix-index.ts";
export { type PendingReads, type RowStore, StoreError, type StoreRead } from "./kv/row-store.ts";
export type {
  IndexStore,
  KeysInSight,
  LatentStore,
  LayerCache,
  StepCache,
} from "./kv/step-cache.ts";
export { forward, head, type Model } from "./model/model.ts";
export { type MtpInput, type MtpOutput, mtpStep } from "./model/mtp.ts";
export type {
  AttentionWeights,
  FfnWeights,
  IndexerWeights,
  Layers,
  LayerWeights,
  MlpWeights,
  ModelWeights,
  MoeWeights,
  MtpWeights,
} from "./model/weights.ts";
export { EncodingError } from "./numbers/encoding-error.ts";
export { decode as decodeTensor } from "./numbers/formats.ts";
export type { Dtype, RawTensor } from "./numbers/raw-tensor.ts";
export { type Precision, positionsFrom, type RopeTable } from "./numbers/rope-table.ts";
export type { Encoding } from "./numbers/row-encoding.ts";
export { f32ReferenceBounds } from "./ops/bounds.ts";
export {
  type Bound,
  type CheckedOp,
  checkedOps,
  DisagreementError,
  type OnChecked,
} from "./ops/checked.ts";
export { placeBank, residentBank, type Visit, visitsOf } from "./ops/expert-bank.ts";
export type {
  Activations,
  Expert,
  ExpertBank,
  KeyRows,
  KvUpWeights,
  LatentRows,
  Mark,
  Ops,
  RouteRule,
  Routing,
  RowMemory,
  Shelf,
} from "./ops/ops.ts";
export { referenceOps } from "./ops/reference/index.ts";
export { type Ground, RowBlocks } from "./ops/row-blocks.ts";
export { type DecodedLatents, storedKeys, storedLatents } from "./ops/stored-rows.ts";
export {
  READ_BLOCK,
  type ReadStore,
  type ReadsUnderWay,
  type StoredRead,
} from "./stream/read-store.ts";
export type { StreamCounts } from "./stream/streamed-weights.ts";
export { type NamedTensor, Recorder, type Wanted } from "./trace/recorder.ts";
export {
  STAGE_NAMES,
  type TraceOptions,
  type TraceProgress,
  trace,
  traceSteps,
} from "./trace/trace.ts";
export { TRACE_FORMAT, type TraceOrigin, traceFile } from "./trace/trace-file.ts";
export {
  type ByteSource,
  type CheckpointFiles,
  memoryFiles,
  readExactly,
} from "./weights/byte-source.ts";
export {
  type AbsentFile,
  type Checkpoint,
  type CheckpointEntry,
  type OpenRules,
  openCheckpoint,
  type StoredTensor,
} from "./weights/checkpoint.ts";
export { loadWeights, type OnProgress, type ResidentWeights } from "./weights/load.ts";
export type { MtpWish } from "./weights/match-tensors.ts";
export { type ModelPart, openPart } from "./weights/part.ts";
export type { StoredDtype, TensorEntry } from "./weights/safetensors.ts";
export { WeightsError } from "./weights/weights-error.ts";
