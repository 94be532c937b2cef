"""Figures for test/train/metrics: quantiles, exact and paired tests, by scipy.

Run: python protocol_statistics.py > protocol_statistics.json (made with scipy 1.17.1)
"""
import json, numpy as np
from scipy import stats
out={}
# t quantiles
out["t"]=[[lv,df,float(stats.t.ppf((1+lv)/2,df))] for lv in (0.8,0.9,0.95,0.99) for df in (1,2,4,9,29,99,1000)]
# mcnemar exact
out["mcnemar"]=[[b,c,float(stats.binomtest(min(b,c),b+c,0.5).pvalue) if b+c else 1.0] for b,c in [(0,0),(1,0),(5,5),(0,6),(3,11),(8,2),(40,61),(700,820),(1,30)]]
# corrected interval
runs=[]
for vals,ratio in [([0.8,0.85,0.9,0.75,0.825],0.25),([0.91,0.93,0.95],0),([0.7,0.72,0.69,0.74,0.71,0.73,0.70,0.75,0.68,0.72],0.25),([0.5,0.6],1.0)]:
    v=np.array(vals); n=len(v); m=v.mean(); sd=v.std(ddof=1)
    se=sd*np.sqrt(1/n+ratio); t=stats.t.ppf(.975,n-1)
    runs.append(dict(values=vals,ratio=ratio,mean=float(m),sd=float(sd),low=float(m-t*se),high=float(m+t*se)))
# cross-check: ratio 0 against scipy's own
iv=stats.t.interval(.95,2,loc=np.mean(runs[1]["values"]),scale=stats.sem(runs[1]["values"]))
assert abs(iv[0]-runs[1]["low"])<1e-12
out["runs"]=runs
a=np.array([0.8,0.85,0.9,0.75,0.825]);b=np.array([0.84,0.86,0.95,0.8,0.85])
d=b-a; n=len(d); t=d.mean()/(d.std(ddof=1)*np.sqrt(1/n+.25)); out["pairedRuns"]=dict(a=a.tolist(),b=b.tolist(),ratio=.25,t=float(t),p=float(2*stats.t.sf(abs(t),n-1)), plain=float(stats.ttest_rel(b,a).pvalue), )
t0=d.mean()/(d.std(ddof=1)*np.sqrt(1/n)); assert abs(2*stats.t.sf(abs(t0),n-1)-out["pairedRuns"]["plain"])<1e-12
print(json.dumps(out))
