#!/bin/bash
# A SLURM job array: sbatch slurm-array.sh /archive /restored
# Afterwards, once: hifisr upsample /archive -o /restored --report
#SBATCH --job-name=hifisr
#SBATCH --array=1-16
#SBATCH --cpus-per-task=8
#SBATCH --mem=12G
#SBATCH --time=4:00:00
#SBATCH --requeue
#SBATCH --output=hifisr-%A_%a.log

shards=16 # as many as the array has tasks; not SLURM_ARRAY_TASK_COUNT, so that --array=3,7 does two of them again

hifisr upsample "$1" -o "$2" --shard "$SLURM_ARRAY_TASK_ID/$shards" --jobs "$SLURM_CPUS_PER_TASK" \
  --time-limit 3:50:00 --quiet
status=$?

# 9: the time was over before the work; what is done stays done. All other failures would be the same again.
if [ "$status" -eq 9 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit "$status"
